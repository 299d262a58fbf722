#include "common/audit/audit_reads.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/audit/chain.h"
#include "common/audit/checkpoint.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/rpc/page.h"
#include "common/store/convert.h"
#include "common/store/table.h"
#include "common/text/glob.h"
#include "common/text/sha256.h"

namespace gitops {
namespace {

// Of one call. The rest has another page.
constexpr int kMostRead = 20'000;

absl::Status Cancelled() { return absl::CancelledError("the caller is gone"); }

absl::StatusOr<std::optional<record::v1::AuditCheckpoint>> ReadCheckpoint(Store& store) {
  const absl::StatusOr<StoredValue> value = store.Get(kAuditCheckpoint);
  if (absl::IsNotFound(value.status())) return std::nullopt;
  if (!value.ok()) return value.status();
  record::v1::AuditCheckpoint checkpoint;
  if (!checkpoint.ParseFromString(value->value)) return DamagedRecord(kAuditCheckpoint);
  return checkpoint;
}

// Which entries a request lists.
class Filter {
 public:
  static absl::StatusOr<Filter> Make(const v1::ListAuditRequest& request) {
    Filter filter;
    filter.request_ = &request;
    if (request.has_until()) filter.until_ = FromTimestamp(request.until());
    if (request.has_since()) filter.since_ = FromTimestamp(request.since());
    if (request.actor().empty()) return filter;
    absl::StatusOr<Glob> glob = Glob::Parse(request.actor());
    if (!glob.ok()) return InvalidField("actor", glob.status().message());
    filter.actor_ = *std::move(glob);
    return filter;
  }

  bool Matches(const v1::AuditEntry& entry) const {
    const absl::Time time = FromTimestamp(entry.time());
    if (time < since_ || time >= until_) return false;
    if (request_->refused() && entry.kind() != v1::AuditEntry::KIND_REFUSED &&
        entry.kind() != v1::AuditEntry::KIND_REFUSED_AGAIN) {
      return false;
    }
    if (!actor_.has_value()) return true;
    const v1::Principal& caller = entry.principal();
    // "alice@laptop from ipv4:192.0.2.7", as OnBehalfOfText() has it.
    const absl::string_view person = absl::string_view(caller.on_behalf_of());
    return Names(caller.name()) || Names(person.substr(0, person.find(" from ")));
  }

  absl::Time since() const { return since_; }

 private:
  bool Names(absl::string_view name) const {
    return actor_->Matches(name) || actor_->Matches(name.substr(0, name.find('@')));
  }

  const v1::ListAuditRequest* request_ = nullptr;
  absl::Time since_ = absl::InfinitePast();
  absl::Time until_ = absl::InfiniteFuture();
  std::optional<Glob> actor_;
};

// The number before the first entry that is not older than `since`: entries come in the order of
// their times, unless somebody set the clock back, which costs a few entries.
absl::StatusOr<int64_t> Before(Store& store, absl::Time since, int64_t count) {
  const auto oldest = store.List(kAuditEntries, "", 1);
  if (!oldest.ok()) return oldest.status();
  if (oldest->empty()) return count;
  int64_t low = AuditNumber(oldest->front().key) - 1, high = count;
  if (since == absl::InfinitePast()) return low;
  while (low < high) {
    const int64_t middle = low + (high - low + 1) / 2;
    const auto found = store.List(kAuditEntries, AuditKey(middle - 1), 1);
    if (!found.ok()) return found.status();
    record::v1::AuditEntry entry;
    const bool older = !found->empty() && entry.ParseFromString(found->front().value) &&
                       FromTimestamp(entry.time()) < since;
    if (older) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace

absl::StatusOr<v1::AuditEntry> ReadAuditEntry(const StoredValue& stored) {
  record::v1::AuditEntry entry;
  if (!entry.ParseFromString(stored.value)) return DamagedRecord(stored.key);
  v1::AuditEntry api = Converted<v1::AuditEntry>(entry);
  api.set_hash(Sha256Hex(stored.value));
  return api;
}

absl::StatusOr<v1::ListAuditResponse> ListAudit(AuditStorage& storage,
                                                const v1::ListAuditRequest& request,
                                                const std::function<bool()>& cancelled) {
  const absl::StatusOr<PageRequest> page = ReadPage(request);
  if (!page.ok()) return page.status();
  const absl::StatusOr<Filter> filter = Filter::Make(request);
  if (!filter.ok()) return filter.status();
  const absl::StatusOr<AuditStorage::Snapshot> now = storage.Take();
  if (!now.ok()) return now.status();
  int64_t after = 0;
  if (!page->after.empty() && (!absl::SimpleAtoi(page->after, &after) || after < 1)) {
    return InvalidField("page_token", "page_token is not one that this method gave out");
  }
  if (page->after.empty()) {
    const auto before = Before(*now->store, filter->since(), now->head.count());
    if (!before.ok()) return before.status();
    after = *before;
  }
  v1::ListAuditResponse response;
  PageRoom room(page->limit);
  int read = 0;
  absl::Status status = ForEachValue(
      *now->store, kAuditEntries, AuditKey(after),
      [&](const StoredValue& value) -> absl::StatusOr<bool> {
        if (cancelled()) return Cancelled();
        absl::StatusOr<v1::AuditEntry> entry = ReadAuditEntry(value);
        const bool fits = ++read <= kMostRead && (!entry.ok() || !filter->Matches(*entry) ||
                                                  room.Take(entry->ByteSizeLong()));
        if (!fits) {
          response.set_next_page_token(PageToken(absl::StrCat(after)));
          return false;
        }
        after = AuditNumber(value.key);
        // VerifyAudit reports damaged ones; here the others are wanted.
        if (entry.ok() && filter->Matches(*entry)) *response.add_entries() = *std::move(entry);
        return true;
      });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::VerifyAuditResponse> VerifyAudit(AuditStorage& storage,
                                                    const v1::VerifyAuditRequest& request,
                                                    const std::function<bool()>& cancelled) {
  const std::shared_ptr<void> all = storage.KeepAll();
  const absl::StatusOr<AuditStorage::Snapshot> now = storage.Take();
  if (!now.ok()) return now.status();
  Store& store = *now->store;
  const auto checkpoint = ReadCheckpoint(store);
  if (!checkpoint.ok()) return checkpoint.status();
  v1::VerifyAuditResponse response;
  *response.mutable_head() = ToApi(now->head);
  const auto report = [&response](std::string message) {
    response.add_problems()->set_message(std::move(message));
  };
  ChainBounds bounds{.count = now->head.count(), .hash = now->head.hash()};
  if (checkpoint->has_value()) {
    bounds.removed = (*checkpoint)->number();
    bounds.removed_hash = (*checkpoint)->hash();
    const AuditStorageOptions& options = storage.options();
    const absl::Status genuine =
        CheckCheckpoint(now->head.chain(), **checkpoint, options.tls_dir, options.clock->Now(),
                        *response.mutable_checkpoint());
    if (!genuine.ok()) {
      report(absl::StrCat("the checkpoint after entry ", bounds.removed,
                          " cannot be trusted: ", genuine.message()));
    }
  }
  if (request.has_expected() && request.expected().count() > 0) {
    if (request.expected().chain() == now->head.chain()) {
      bounds.known.push_back(request.expected());
    } else {
      report(absl::StrCat("another audit began, in place of one with ", request.expected().count(),
                          " entries that was reported elsewhere"));
    }
  }
  const int64_t removed = bounds.removed;
  const int64_t count = bounds.count;
  ChainCheck check(std::move(bounds));
  absl::Status read =
      ForEachValue(store, kAuditEntries, "", [&](const StoredValue& value) -> absl::StatusOr<bool> {
        if (cancelled()) return Cancelled();
        // Stored since.
        if (AuditNumber(value.key) > count && AuditNumber(value.key) <= storage.head().count()) {
          return false;
        }
        check.Take(value.key, value.value);
        return true;
      });
  if (absl::IsDataLoss(read)) {
    report(std::string(read.message()));
  } else if (!read.ok()) {
    return read;
  }
  check.Finish();
  // Entries were removed between the reads.
  const auto later = ReadCheckpoint(store);
  if (later.ok() && later->has_value() && (*later)->number() > removed) {
    return VerifyAudit(storage, request, cancelled);
  }
  for (const v1::AuditProblem& problem : check.problems()) *response.add_problems() = problem;
  response.set_first(check.first());
  response.set_checked(check.checked());
  return response;
}

v1::AuditHead ToApi(const record::v1::AuditHead& head) {
  v1::AuditHead api;
  api.set_chain(head.chain());
  api.set_count(head.count());
  api.set_hash(head.hash());
  return api;
}

}  // namespace gitops
