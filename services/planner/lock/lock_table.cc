#include "services/planner/lock/lock_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/rpc/error.h"
#include "common/store/convert.h"
#include "common/store/table.h"
#include "gitops/record/v1/deployment.pb.h"
#include "gitops/record/v1/lock.pb.h"

namespace gitops {
namespace {

using Locks = Table<record::v1::HostLock>;
using Words = Table<record::v1::DeploymentEvent>;

Locks LocksIn(Store& store) { return {&store, kLockPrefix}; }
Words WordsIn(Store& store) { return {&store, kBrokenPrefix}; }

std::string WordName(const std::string& deployment, const std::string& host) {
  return absl::StrCat(deployment, "/", host);
}

absl::StatusOr<StoredLock> Read(const Locks::Row& row) {
  if (!row.message.ok()) return row.message.status();
  if (row.message->host() != row.name) return DamagedRecord(absl::StrCat(kLockPrefix, row.name));
  return StoredLock{Converted<v1::HostLock>(*row.message), row.revision};
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
  return DamagedRecord(kFencingKey);
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
    deletions.push_back(
        {.key = absl::StrCat(kLockPrefix, host), .expected_revision = stored.revision});
  }
  return deletions;
}

}  // namespace

absl::StatusOr<StoredLock> ReadLock(Store& store, const std::string& host) {
  absl::StatusOr<Locks::Row> row = LocksIn(store).Find(host);
  if (absl::IsNotFound(row.status())) {
    return MakeError(Reason::kHostNotLocked, absl::StrCat("the host ", host, " is not locked"),
                     {{"host", host}});
  }
  if (!row.ok()) return row.status();
  return Read(*row);
}

absl::StatusOr<std::map<std::string, StoredLock>> ReadLocks(Store& store) {
  std::map<std::string, StoredLock> table;
  absl::Status status =
      LocksIn(store).ForEach("", "", [&](Locks::Row& row) -> absl::StatusOr<bool> {
        absl::StatusOr<StoredLock> stored = Read(row);
        if (!stored.ok()) return stored.status();
        table.emplace_hint(table.end(), row.name, *std::move(stored));
        return true;
      });
  if (!status.ok()) return status;
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
  auto next = Converted<record::v1::HostLock>(lock);
  for (const std::string& host : hosts) {
    next.set_host(host);
    next.set_fencing(fencing);
    auto before = table.find(host);
    StoreWrite& write = writes.emplace_back(LocksIn(store).Put(host, next));
    write.expected_revision = before == table.end() ? 0 : before->second.revision;
    write.lease = lease;
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
  StoreWrite away = LocksIn(store).Delete(lock.lock.host());
  away.expected_revision = lock.revision;
  StoreWrite note = WordsIn(store).Put(WordName(lock.lock.deployment(), lock.lock.host()),
                                       Converted<record::v1::DeploymentEvent>(word));
  note.lease = lease;
  return store.Write({std::move(away), std::move(note)}).status();
}

absl::StatusOr<v1::DeploymentEvent> ReadWord(Store& store, const std::string& deployment,
                                             const std::string& host) {
  absl::StatusOr<record::v1::DeploymentEvent> word = WordsIn(store).Get(WordName(deployment, host));
  if (!word.ok()) return word.status();
  return Converted<v1::DeploymentEvent>(*word);
}

absl::StatusOr<std::set<std::string>> HostsWithWord(Store& store, const std::string& deployment) {
  const std::string under = WordName(deployment, "");
  std::set<std::string> hosts;
  // Whether or not it can be read: the lock was broken.
  absl::Status status = WordsIn(store).ForEach(under, "", [&](Words::Row& word) {
    hosts.emplace(absl::StripPrefix(word.name, under));
    return true;
  });
  if (!status.ok()) return status;
  return hosts;
}

absl::Status RemoveWords(Store& store, const std::string& deployment) {
  absl::StatusOr<std::set<std::string>> hosts = HostsWithWord(store, deployment);
  if (!hosts.ok() || hosts->empty()) return hosts.status();
  std::vector<StoreWrite> deletions;
  for (const std::string& host : *hosts) {
    deletions.push_back(WordsIn(store).Delete(WordName(deployment, host)));
  }
  return store.Write(deletions).status();
}

}  // namespace gitops
