#include "services/planner/lock/lock_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

std::string LockKey(const std::string& host) { return absl::StrCat(kLockPrefix, host); }

std::string WordPrefix(const std::string& deployment) {
  return absl::StrCat(kBrokenPrefix, deployment, "/");
}

absl::Status Unreadable(absl::string_view key) {
  return absl::DataLossError(absl::StrCat("read ", key, " from the store: it is damaged"));
}

absl::StatusOr<StoredLock> Parse(const StoredValue& value) {
  StoredLock stored{.revision = value.revision};
  if (stored.lock.ParseFromString(value.value) && LockKey(stored.lock.host()) == value.key) {
    return stored;
  }
  return Unreadable(value.key);
}

struct LastFencing {
  int64_t number = 0;
  int64_t revision = 0;  // 0: there was none yet
};

absl::StatusOr<LastFencing> ReadFencing(Store& store) {
  absl::StatusOr<StoredValue> value = store.Get(kFencingKey);
  if (absl::IsNotFound(value.status())) return LastFencing{};
  if (!value.ok()) return value.status();
  LastFencing last{.revision = value->revision};
  if (absl::SimpleAtoi(value->value, &last.number) && last.number > 0) return last;
  return Unreadable(kFencingKey);
}

// Locks of the same holder, of hosts other than these.
std::vector<StoreWrite> NeededNoMore(const v1::HostLock& holder,
                                     const std::vector<std::string>& hosts,
                                     const std::map<std::string, StoredLock>& table) {
  std::vector<StoreWrite> deletions;
  for (const auto& [host, stored] : table) {
    const bool same = stored.lock.deployment() == holder.deployment() &&
                      stored.lock.planner() == holder.planner();
    if (!same || std::binary_search(hosts.begin(), hosts.end(), host)) continue;
    deletions.push_back({.key = LockKey(host), .expected_revision = stored.revision});
  }
  return deletions;
}

}  // namespace

absl::StatusOr<StoredLock> ReadLock(Store& store, const std::string& host) {
  absl::StatusOr<StoredValue> value = store.Get(LockKey(host));
  if (absl::IsNotFound(value.status())) {
    return MakeError(Reason::kHostNotLocked, absl::StrCat("the host ", host, " is not locked"),
                     {{"host", host}});
  }
  if (!value.ok()) return value.status();
  return Parse(*value);
}

absl::StatusOr<std::map<std::string, StoredLock>> ReadLocks(Store& store) {
  absl::StatusOr<std::vector<StoredValue>> values = store.List(kLockPrefix);
  if (!values.ok()) return values.status();
  std::map<std::string, StoredLock> table;
  for (const StoredValue& value : *values) {
    absl::StatusOr<StoredLock> stored = Parse(value);
    if (!stored.ok()) return stored.status();
    table.emplace_hint(table.end(), absl::StripPrefix(value.key, kLockPrefix), *std::move(stored));
  }
  return table;
}

absl::StatusOr<TakenLocks> TakeLocks(Store& store, absl::Time now, int64_t lease,
                                     const v1::HostLock& lock,
                                     const std::vector<std::string>& hosts,
                                     const std::map<std::string, StoredLock>& table) {
  absl::StatusOr<LastFencing> last = ReadFencing(store);
  if (!last.ok()) return last.status();
  int64_t fencing = std::max(last->number + 1, absl::ToUnixMicros(now));
  TakenLocks taken{.lease = lease};
  std::vector<StoreWrite> writes = NeededNoMore(lock, hosts, table);
  writes.reserve(writes.size() + hosts.size() + 1);
  v1::HostLock next = lock;
  for (const std::string& host : hosts) {
    next.set_host(host);
    next.set_fencing(fencing);
    auto before = table.find(host);
    writes.push_back({.key = LockKey(host),
                      .value = next.SerializeAsString(),
                      .expected_revision = before == table.end() ? 0 : before->second.revision,
                      .lease = lease});
    taken.fencing[host] = fencing++;
  }
  writes.push_back({.key = kFencingKey,
                    .value = absl::StrCat(fencing - 1),
                    .expected_revision = last->revision});
  absl::StatusOr<int64_t> revision = store.Write(writes);
  if (!revision.ok()) return revision.status();
  taken.revision = *revision;
  return taken;
}

absl::Status GiveBack(Store& store, const v1::HostLock& lock,
                      const std::map<std::string, StoredLock>& table) {
  const std::vector<StoreWrite> deletions = NeededNoMore(lock, {}, table);
  return deletions.empty() ? absl::OkStatus() : store.Write(deletions).status();
}

absl::Status TakeAway(Store& store, const StoredLock& lock, int64_t lease,
                      const v1::DeploymentEvent& word) {
  StoreWrite away{.key = LockKey(lock.lock.host()), .expected_revision = lock.revision};
  StoreWrite note{.key = absl::StrCat(WordPrefix(lock.lock.deployment()), lock.lock.host()),
                  .value = word.SerializeAsString(),
                  .lease = lease};
  return store.Write({std::move(away), std::move(note)}).status();
}

absl::StatusOr<v1::DeploymentEvent> ReadWord(Store& store, const std::string& deployment,
                                             const std::string& host) {
  absl::StatusOr<StoredValue> value = store.Get(absl::StrCat(WordPrefix(deployment), host));
  if (!value.ok()) return value.status();
  v1::DeploymentEvent word;
  if (!word.ParseFromString(value->value)) return Unreadable(value->key);
  return word;
}

absl::StatusOr<std::set<std::string>> HostsWithWord(Store& store, const std::string& deployment) {
  const std::string prefix = WordPrefix(deployment);
  absl::StatusOr<std::vector<StoredValue>> words = store.List(prefix);
  if (!words.ok()) return words.status();
  std::set<std::string> hosts;
  for (const StoredValue& word : *words) hosts.emplace(absl::StripPrefix(word.key, prefix));
  return hosts;
}

absl::Status RemoveWords(Store& store, const std::string& deployment) {
  absl::StatusOr<std::vector<StoredValue>> words = store.List(WordPrefix(deployment));
  if (!words.ok() || words->empty()) return words.status();
  std::vector<StoreWrite> deletions;
  for (const StoredValue& word : *words) deletions.push_back({.key = word.key});
  return store.Write(deletions).status();
}

}  // namespace gitops
