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
using Notices = Table<record::v1::DeploymentEvent>;

Locks LocksIn(Store& store) { return {&store, kLockPrefix}; }
Notices NoticesIn(Store& store) { return {&store, kBrokenPrefix}; }

std::string NoticeName(const std::string& deployment, const std::string& host) {
  return absl::StrCat(deployment, "/", host);
}

StoredLock Read(Store& store, const Locks::Row& row) {
  if (row.message.ok() && row.message->host() == row.name) {
    return {.lock = Converted<v1::HostLock>(*row.message), .revision = row.revision};
  }
  store.damaged_records().Note(absl::StrCat(kLockPrefix, row.name), row.revision);
  StoredLock damaged{.revision = row.revision, .damaged = true};
  damaged.lock.set_host(row.name);
  damaged.lock.set_deployment(kUnknownHolder);
  damaged.lock.set_actor(kUnknownHolder);
  return damaged;
}

struct NextFencing {
  int64_t number = 0;
  int64_t revision = 0;  // of the counter; 0: there is none
};

absl::StatusOr<NextFencing> ReadFencing(Store& store, absl::Time now,
                                        const std::map<std::string, StoredLock>& table) {
  NextFencing next{.number = absl::ToUnixMicros(now)};
  absl::StatusOr<StoredValue> value = store.Get(kFencingKey);
  if (!value.ok() && !absl::IsNotFound(value.status())) return value.status();
  int64_t last = 0;
  if (value.ok()) {
    next.revision = value->revision;
    if (absl::SimpleAtoi(value->value, &last) && last > 0) {
      next.number = std::max(next.number, last + 1);
      return next;
    }
    store.damaged_records().Note(kFencingKey, value->revision);
  }
  for (const auto& [host, stored] : table) last = std::max(last, stored.lock.fencing());
  next.number = std::max(next.number, last) + 1;
  return next;
}

// Locks of the same holder, of hosts other than these.
std::vector<StoreWrite> NoLongerNeeded(const v1::HostLock& holder,
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
  return Read(store, *row);
}

absl::StatusOr<std::map<std::string, StoredLock>> ReadLocks(Store& store) {
  std::map<std::string, StoredLock> table;
  absl::Status status = LocksIn(store).ForEach("", "", [&](Locks::Row& row) {
    table.emplace_hint(table.end(), row.name, Read(store, row));
    return true;
  });
  if (!status.ok()) return status;
  return table;
}

absl::StatusOr<TakenLocks> TakeLocks(Store& store, absl::Time now, int64_t lease,
                                     const v1::HostLock& lock,
                                     const std::vector<std::string>& hosts,
                                     const std::map<std::string, StoredLock>& table) {
  absl::StatusOr<NextFencing> next_fencing = ReadFencing(store, now, table);
  if (!next_fencing.ok()) return next_fencing.status();
  int64_t fencing = next_fencing->number;
  TakenLocks taken{.lease = lease};
  std::vector<StoreWrite> writes = NoLongerNeeded(lock, hosts, table);
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
                    .expected_revision = next_fencing->revision});
  absl::StatusOr<int64_t> revision = store.Write(writes);
  if (!revision.ok()) return revision.status();
  taken.revision = *revision;
  return taken;
}

absl::Status GiveBack(Store& store, const v1::HostLock& lock,
                      const std::map<std::string, StoredLock>& table) {
  const std::vector<StoreWrite> deletions = NoLongerNeeded(lock, {}, table);
  return deletions.empty() ? absl::OkStatus() : store.Write(deletions).status();
}

absl::Status TakeAway(Store& store, const StoredLock& lock, int64_t lease,
                      const v1::DeploymentEvent& notice) {
  StoreWrite away = LocksIn(store).Delete(lock.lock.host());
  away.expected_revision = lock.revision;
  // The holder is not known, so nobody gets a notice.
  if (lock.damaged) return store.Write({std::move(away)}).status();
  StoreWrite note = NoticesIn(store).Put(NoticeName(lock.lock.deployment(), lock.lock.host()),
                                         Converted<record::v1::DeploymentEvent>(notice));
  note.lease = lease;
  return store.Write({std::move(away), std::move(note)}).status();
}

absl::StatusOr<v1::DeploymentEvent> ReadNotice(Store& store, const std::string& deployment,
                                               const std::string& host) {
  absl::StatusOr<record::v1::DeploymentEvent> notice =
      NoticesIn(store).Get(NoticeName(deployment, host));
  if (absl::IsDataLoss(notice.status())) {
    notice = record::v1::DeploymentEvent();
    notice->set_actor("somebody");
    notice->set_message(std::string("who and why is lost: the record of it is damaged"));
  }
  if (!notice.ok()) return notice.status();
  return Converted<v1::DeploymentEvent>(*notice);
}

absl::StatusOr<std::set<std::string>> HostsWithNotice(Store& store, const std::string& deployment) {
  const std::string under = NoticeName(deployment, "");
  std::set<std::string> hosts;
  // Also if it cannot be read: the lock was broken.
  absl::Status status = NoticesIn(store).ForEach(under, "", [&](Notices::Row& notice) {
    hosts.emplace(absl::StripPrefix(notice.name, under));
    return true;
  });
  if (!status.ok()) return status;
  return hosts;
}

absl::Status RemoveNotices(Store& store, const std::string& deployment) {
  absl::StatusOr<std::set<std::string>> hosts = HostsWithNotice(store, deployment);
  if (!hosts.ok() || hosts->empty()) return hosts.status();
  std::vector<StoreWrite> deletions;
  for (const std::string& host : *hosts) {
    deletions.push_back(NoticesIn(store).Delete(NoticeName(deployment, host)));
  }
  return store.Write(deletions).status();
}

}  // namespace gitops
