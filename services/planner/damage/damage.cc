#include "services/planner/damage/damage.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/store/table.h"
#include "gitops/record/v1/deployment.pb.h"
#include "gitops/record/v1/fleet.pb.h"
#include "gitops/record/v1/lock.pb.h"
#include "gitops/record/v1/plan.pb.h"

namespace gitops {
namespace {

constexpr char kAll[] = "planner/v1/";

template <typename Message>
bool Parses(const StoredValue& value) {
  Message message;
  return message.ParseFromString(value.value);
}

bool IsLock(const StoredValue& value) {
  record::v1::HostLock lock;
  return lock.ParseFromString(value.value) && absl::EndsWith(value.key, "/" + lock.host());
}

bool IsFencing(const StoredValue& value) {
  int64_t number = 0;
  return absl::SimpleAtoi(value.value, &number) && number > 0;
}

struct Kind {
  const char* name;
  bool (*is_good)(const StoredValue& value);
};

constexpr Kind kKinds[] = {
    {"deployment", Parses<record::v1::DeploymentEntry>},
    {"host", Parses<record::v1::HostEntry>},
    {"step", Parses<record::v1::StepRecord>},
    {"call", Parses<record::v1::HookCall>},
    {"plan", Parses<record::v1::Plan>},
    {"seen", Parses<record::v1::SeenHost>},
    {"lock", IsLock},
    {"lockbroken", Parses<record::v1::DeploymentEvent>},
    {"fencing", IsFencing},
};

std::string KindName(absl::string_view key) {
  const absl::string_view rest = absl::StripPrefix(key, kAll);
  return std::string(rest.substr(0, rest.find('/')));
}

// Null: not a kind that the planner stores.
const Kind* KindOf(absl::string_view key) {
  const std::string name = KindName(key);
  for (const Kind& kind : kKinds) {
    if (absl::StartsWith(key, kAll) && name == kind.name) return &kind;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<std::vector<v1::DamagedRecord>> FindDamaged(Store& store,
                                                           const std::function<bool()>& cancelled) {
  std::vector<v1::DamagedRecord> found;
  absl::Status read =
      ForEachValue(store, kAll, "", [&](const StoredValue& value) -> absl::StatusOr<bool> {
        if (cancelled()) return absl::CancelledError("the caller has gone away");
        const Kind* kind = KindOf(value.key);
        if (kind == nullptr || kind->is_good(value)) return true;
        store.damaged_records().Note(value.key, value.revision);
        v1::DamagedRecord& record = found.emplace_back();
        record.set_key(value.key);
        record.set_kind(kind->name);
        return true;
      });
  if (!read.ok()) return read;
  return found;
}

std::map<std::string, int> CountDamaged(Store& store) {
  std::map<std::string, int> counts;
  for (const auto& [key, revision] : store.damaged_records().Noted()) {
    const absl::StatusOr<StoredValue> value = store.Get(key);
    if (absl::IsNotFound(value.status()) || (value.ok() && value->revision != revision)) {
      store.damaged_records().Forget(key);
    } else {
      ++counts[KindName(key)];
    }
  }
  return counts;
}

absl::Status RemoveDamaged(Store& store, const std::string& key) {
  const Kind* kind = KindOf(key);
  const absl::StatusOr<StoredValue> value = store.Get(key);
  if (kind != nullptr && absl::IsNotFound(value.status())) {
    return absl::NotFoundError(absl::StrCat("there is no record ", key));
  }
  if (kind != nullptr && !value.ok()) return value.status();
  if (kind == nullptr || kind->is_good(*value)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the record ", key,
                     " is not removed: only damaged records are, as `gitopsctl check` lists them"));
  }
  // Hosts are numbered without gaps, so another record takes its place.
  record::v1::HostEntry lost;
  lost.mutable_host()->set_state(record::v1::HOST_DEPLOYMENT_STATE_FAILED);
  lost.mutable_host()->set_message("the record of this host was damaged and removed");
  absl::Status removed = absl::string_view(kind->name) == "host"
                             ? store.Put(key, lost.SerializeAsString(), value->revision).status()
                             : store.Delete(key, value->revision);
  if (removed.ok()) store.damaged_records().Forget(key);
  return removed;
}

}  // namespace gitops
