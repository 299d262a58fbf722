#ifndef GITOPS_COMMON_STORE_TABLE_H_
#define GITOPS_COMMON_STORE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/store/store.h"
#include "google/protobuf/message_lite.h"

namespace gitops {

// DATA_LOSS: the record under `key` cannot be used.
absl::Status DamagedRecord(absl::string_view key, absl::string_view why = "it is damaged");

// Calls `value` for each key under `prefix` after `after`, in order, until it returns false or an
// error. Reads a few values at a time.
absl::Status ForEachValue(Store& store, absl::string_view prefix, absl::string_view after,
                          const std::function<absl::StatusOr<bool>(const StoredValue&)>& value);

// Messages of one kind in a Store, under a common prefix. The name of a row is its key without the
// prefix. Damaged rows are noted in the store's damaged_records(). Cheap to copy; thread-safe.
// Errors are those of Store.
template <typename Message>
class Table {
 public:
  struct Row {
    std::string name;
    int64_t revision = 0;
    size_t bytes = 0;  // as stored
    // DATA_LOSS, with the key: the stored bytes are not such a message.
    absl::StatusOr<Message> message;
  };

  // `store` is not owned; `prefix` is a literal.
  Table(Store* store, const char* prefix) : store_(store), prefix_(prefix) {}

  std::string Key(absl::string_view name) const { return absl::StrCat(prefix_, name); }

  // NOT_FOUND: no such row. DATA_LOSS: it is damaged.
  absl::StatusOr<Message> Get(absl::string_view name) const {
    absl::StatusOr<Row> row = Find(name);
    if (!row.ok()) return row.status();
    return std::move(row->message);
  }

  // The same with the revision, also for a damaged row. NOT_FOUND: no such row.
  absl::StatusOr<Row> Find(absl::string_view name) const {
    absl::StatusOr<StoredValue> value = store_->Get(Key(name));
    if (!value.ok()) return value.status();
    return RowOf(*value);
  }

  // For Store::Write.
  StoreWrite Put(absl::string_view name, const Message& message) const {
    return {.key = Key(name), .value = message.SerializeAsString()};
  }
  StoreWrite Delete(absl::string_view name) const { return {.key = Key(name)}; }

  // Calls `row` for each row whose name starts with `under` and is greater than `after`, in order,
  // until it returns false or an error. Holds few rows in memory.
  absl::Status ForEach(absl::string_view under, absl::string_view after,
                       const std::function<absl::StatusOr<bool>(Row&)>& row) const {
    return ForEachValue(*store_, Key(under), after.empty() ? "" : Key(after),
                        [&](const StoredValue& value) {
                          Row read = RowOf(value);
                          return row(read);
                        });
  }

  // The rows whose names start with `under`.
  absl::StatusOr<std::vector<Row>> List(absl::string_view under = "") const {
    std::vector<Row> rows;
    absl::Status status = ForEach(under, "", [&](Row& row) {
      rows.push_back(std::move(row));
      return true;
    });
    if (!status.ok()) return status;
    return rows;
  }

 private:
  Row RowOf(const StoredValue& value) const {
    Row row{.name = value.key.substr(prefix_.size()),
            .revision = value.revision,
            .bytes = value.value.size(),
            .message = Message()};
    DamagedRecords& damaged = store_->damaged_records();
    if (!row.message->ParseFromString(value.value)) {
      damaged.Note(value.key, value.revision);
      row.message = DamagedRecord(value.key);
    } else if (!damaged.empty()) {
      damaged.Forget(value.key);
    }
    return row;
  }

  Store* store_;
  absl::string_view prefix_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_TABLE_H_
