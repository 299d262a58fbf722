#include "services/planner/record/deployment_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/store/convert.h"
#include "services/planner/record/bulk.h"
#include "services/planner/record/record_keys.h"
#include "services/planner/record/record_texts.h"

namespace gitops {
namespace {

// Only another Save of the same deployment can come between reading and writing.
constexpr int kSaveAttempts = 10;
// Of a deployment; the newest are kept.
constexpr int kMostEvents = 1000;
// With the next one, which ends the search, one read of a Table.
constexpr int kDeploymentsPerRead = 127;

record::v1::DeploymentEntry Storable(const DeploymentRecord& record) {
  record::v1::DeploymentEntry stored = ToStored(record);
  auto& events = *stored.mutable_deployment()->mutable_events();
  if (events.size() > kMostEvents) events.DeleteSubrange(0, events.size() - kMostEvents);
  BoundTexts(stored);
  return stored;
}

absl::Status NotFound(const std::string& id) {
  return MakeError(Reason::kDeploymentUnknown,
                   absl::StrCat("there is no deployment ", id,
                                "; `gitopsctl list deployments` shows those that are kept"),
                   {{"deployment", id}});
}

DeploymentIndex::Entry IndexEntry(const record::v1::Deployment& deployment, int64_t revision) {
  return {.revision = revision,
          .ended = HasEnded(static_cast<v1::DeploymentState>(deployment.state())),
          .end = FromTimestamp(deployment.has_end_time() ? deployment.end_time()
                                                         : deployment.create_time())};
}

// Shown in the place of a host whose record is damaged.
v1::HostDeployment LostHost() {
  v1::HostDeployment lost;
  lost.set_message("the record of this host is lost");
  return lost;
}

// Steps of a host in the order of their numbers, which keys no longer follow above 999.
void SortSteps(v1::HostDeployment& host) {
  std::stable_sort(
      host.mutable_steps()->begin(), host.mutable_steps()->end(),
      [](const v1::StepRecord& a, const v1::StepRecord& b) { return a.number() < b.number(); });
}

}  // namespace

bool HasEnded(v1::DeploymentState state) {
  return state == v1::DEPLOYMENT_STATE_SUCCEEDED || state == v1::DEPLOYMENT_STATE_FAILED ||
         state == v1::DEPLOYMENT_STATE_CANCELLED || state == v1::DEPLOYMENT_STATE_INTERRUPTED;
}

DeploymentStore::DeploymentStore(Store* store, Clock* clock, PlanLimits plan_limits)
    : store_(store),
      clock_(clock),
      plan_limits_(plan_limits),
      deployments_(store, kEntryPrefix),
      hosts_(store, kHostPrefix),
      steps_(store, kStepPrefix),
      calls_(store, kCallPrefix),
      stored_plans_(store, kPlanPrefix) {}

std::string DeploymentStore::NewDeploymentId() { return MakeDeploymentId(clock_->Now()); }

StoreWrite DeploymentStore::HostWrite(const std::string& id, int index,
                                      const HostRecord& host) const {
  record::v1::HostEntry stored = ToStored(host);
  BoundTexts(stored);
  return hosts_.Put(HostName(id, index), stored);
}

absl::Status DeploymentStore::AddCheckpoint(const std::string& id, const Checkpoint& host,
                                            std::vector<StoreWrite>& writes) const {
  if (absl::Status status = CheckId(id); !status.ok()) return status;
  if (absl::Status status = CheckIndex(id, host.index); !status.ok()) return status;
  writes.push_back(HostWrite(id, host.index, *host.host));
  if (host.step == nullptr) return absl::OkStatus();
  if (host.step->number() < 1) {
    return absl::InvalidArgumentError(absl::StrCat("store a step of host ", host.index,
                                                   " of the deployment ", id,
                                                   ": steps are numbered from 1 on"));
  }
  auto stored = Converted<record::v1::StepRecord>(*host.step);
  BoundStep(stored);
  writes.push_back(steps_.Put(StepName(id, host.index, stored.number()), stored));
  return absl::OkStatus();
}

absl::Status DeploymentStore::Create(const DeploymentRecord& record,
                                     const std::vector<HostRecord>& hosts,
                                     const std::vector<v1::HookCall>& calls,
                                     const std::vector<StoreWrite>& also) {
  const std::string& id = record.deployment.id();
  if (absl::Status status = CheckId(id); !status.ok()) return status;
  if (hosts.size() > kMostHosts || calls.size() > kMostCalls) {
    return absl::InvalidArgumentError(
        absl::StrCat("store the deployment ", id, ": ", hosts.size(), " hosts and ", calls.size(),
                     " hook calls are more than ", kMostHosts, " and ", kMostCalls));
  }
  std::vector<StoreWrite> writes;
  writes.reserve(hosts.size() + calls.size() + 1);
  for (const HostRecord& host : hosts) {
    writes.push_back(HostWrite(id, static_cast<int>(writes.size()), host));
  }
  for (size_t i = 0; i < calls.size(); ++i) {
    auto call = Converted<record::v1::HookCall>(calls[i]);
    BoundTexts(call);
    writes.push_back(calls_.Put(CallName(id, static_cast<int>(i)), call));
  }
  writes.push_back(deployments_.Put(id, Storable(record)));
  for (StoreWrite& write : writes) write.expected_revision = 0;
  writes.insert(writes.end(), also.begin(), also.end());
  absl::Status status = WriteAll(*store_, writes, /*together=*/1 + also.size());
  if (status.ok()) {
    Refresh(id);
    return status;
  }
  if (!absl::IsFailedPrecondition(status)) {
    MutexLock lock(index_mutex_);
    orphans_.insert(id);
    return status;
  }
  return absl::AlreadyExistsError(
      absl::StrCat("store the deployment ", id, ": there is one of that id"));
}

absl::StatusOr<DeploymentRecord> DeploymentStore::Load(const std::string& id) {
  absl::StatusOr<record::v1::DeploymentEntry> stored = deployments_.Get(id);
  if (absl::IsNotFound(stored.status())) return NotFound(id);
  if (!stored.ok()) return stored.status();
  return FromStored(*std::move(stored));
}

absl::StatusOr<std::vector<HostRecord>> DeploymentStore::LoadHosts(const std::string& id) {
  std::vector<HostRecord> hosts;
  const std::string under = absl::StrCat(id, "/");
  absl::Status status = hosts_.ForEach(
      under, "", [&](Table<record::v1::HostEntry>::Row& row) -> absl::StatusOr<bool> {
        if (NumberAfter(under, row.name) != static_cast<int>(hosts.size())) {
          return DamagedRecord(hosts_.Key(row.name),
                               absl::StrCat("number ", hosts.size(), " before it is missing"));
        }
        if (!row.message.ok()) return row.message.status();
        hosts.push_back(FromStored(*row.message));
        return true;
      });
  if (!status.ok()) return status;
  return hosts;
}

absl::Status DeploymentStore::Save(const DeploymentRecord& record, const Checkpoint* host) {
  const std::string& id = record.deployment.id();
  const record::v1::DeploymentEntry entry = Storable(record);
  std::vector<StoreWrite> writes = {deployments_.Put(id, entry)};
  if (host != nullptr) {
    if (absl::Status status = AddCheckpoint(id, *host, writes); !status.ok()) return status;
  }
  absl::Status status;
  for (int attempt = 0; attempt < kSaveAttempts; ++attempt) {
    absl::StatusOr<StoredValue> before = store_->Get(writes[0].key);
    if (absl::IsNotFound(before.status())) return NotFound(id);
    if (!before.ok()) return before.status();
    writes[0].expected_revision = before->revision;
    const absl::StatusOr<int64_t> written = store_->Write(writes);
    if (written.ok()) {
      MutexLock lock(index_mutex_);
      index_.Put(id, IndexEntry(entry.deployment(), *written));
    }
    status = written.status();
    if (!absl::IsFailedPrecondition(status)) return status;
  }
  return absl::UnavailableError(
      absl::StrCat("save the deployment ", id, ": others keep saving it: ", status.message()));
}

absl::Status DeploymentStore::SaveHost(const std::string& id, int index, const HostRecord& host,
                                       const v1::StepRecord* step) {
  std::vector<StoreWrite> writes;
  const Checkpoint checkpoint{.index = index, .host = &host, .step = step};
  if (absl::Status status = AddCheckpoint(id, checkpoint, writes); !status.ok()) return status;
  return store_->Write(writes).status();
}

absl::Status DeploymentStore::SaveHosts(const std::string& id,
                                        const std::vector<Checkpoint>& hosts) {
  std::vector<StoreWrite> writes;
  for (const Checkpoint& host : hosts) {
    if (absl::Status status = AddCheckpoint(id, host, writes); !status.ok()) return status;
  }
  return ReplaceAll(*store_, writes);
}

absl::StatusOr<v1::StepRecord> DeploymentStore::LoadStep(const std::string& id, int index,
                                                         int number) {
  absl::StatusOr<record::v1::StepRecord> stored = steps_.Get(StepName(id, index, number));
  if (absl::IsNotFound(stored.status())) {
    return absl::NotFoundError(
        absl::StrCat("host ", index, " of the deployment ", id, " has no step ", number));
  }
  if (!stored.ok()) return stored.status();
  return Converted<v1::StepRecord>(*stored);
}

absl::StatusOr<std::vector<v1::HookCall>> DeploymentStore::SelectCalls(const std::string& id) {
  std::vector<v1::HookCall> calls;
  absl::Status status =
      calls_.ForEach(absl::StrCat(id, "/"), "", [&](Table<record::v1::HookCall>::Row& row) {
        if (row.message.ok()) Convert(*row.message, calls.emplace_back());
        return true;
      });
  if (!status.ok()) return status;
  return calls;
}

absl::StatusOr<v1::HostDeployment> DeploymentStore::BareHost(const std::string& id, int index) {
  absl::StatusOr<record::v1::HostEntry> stored = hosts_.Get(HostName(id, index));
  if (absl::IsNotFound(stored.status())) {
    return absl::NotFoundError(absl::StrCat("the deployment ", id, " has no host ", index));
  }
  if (absl::IsDataLoss(stored.status())) return LostHost();
  if (!stored.ok()) return stored.status();
  return Converted<v1::HostDeployment>(stored->host());
}

absl::StatusOr<v1::HostDeployment> DeploymentStore::WholeHost(const std::string& id, int index) {
  absl::StatusOr<v1::HostDeployment> bare = BareHost(id, index);
  if (!bare.ok()) return bare.status();
  v1::HostDeployment host = *std::move(bare);
  absl::Status status =
      steps_.ForEach(StepNames(id, index), "", [&](Table<record::v1::StepRecord>::Row& row) {
        if (row.message.ok()) Convert(*row.message, *host.add_steps());
        return true;
      });
  if (!status.ok()) return status;
  SortSteps(host);
  return host;
}

absl::Status DeploymentStore::ForEachHost(
    const std::string& id, const std::function<bool(const record::v1::HostDeployment&)>& visit) {
  return hosts_.ForEach(absl::StrCat(id, "/"), "", [&](Table<record::v1::HostEntry>::Row& row) {
    return !row.message.ok() || visit(row.message->host());
  });
}

DeploymentStore::IdRange DeploymentStore::CreatedBetween(absl::Time since, absl::Time until) const {
  IdRange ids;
  // Only times whose years have four digits compare as texts.
  if (since > absl::UnixEpoch() + kLongestCreation) {
    ids.after = DeploymentIdTime(since - kLongestCreation);
  }
  if (until < clock_->Now()) ids.before = DeploymentIdTime(until + absl::Seconds(1));
  return ids;
}

absl::Status DeploymentStore::ForEachNewestFirst(
    const IdRange& ids, const std::function<absl::StatusOr<bool>(v1::Deployment&)>& visit) {
  std::string before = ids.before;
  while (true) {
    std::string after = ids.after;
    {
      MutexLock lock(index_mutex_);
      if (absl::Status read = ReadIndex(); !read.ok()) return read;
      after = std::max(after, index_.StepBack(before, kDeploymentsPerRead));
    }
    // The store lists forwards only.
    std::vector<record::v1::DeploymentEntry> rising;
    absl::Status status = deployments_.ForEach("", after, [&](Deployments::Row& row) {
      if (!before.empty() && row.name >= before) return false;
      if (row.message.ok()) rising.push_back(*std::move(row.message));
      return true;
    });
    if (!status.ok()) return status;
    for (auto entry = rising.rbegin(); entry != rising.rend(); ++entry) {
      auto deployment = Converted<v1::Deployment>(entry->deployment());
      const absl::StatusOr<bool> more = visit(deployment);
      if (!more.ok() || !*more) return more.status();
    }
    if (after == ids.after) return absl::OkStatus();
    before = after;
    before.push_back('\0');  // so that `after` itself comes next
  }
}

absl::StatusOr<std::vector<DeploymentRecord>> DeploymentStore::Unfinished() {
  std::set<std::string> ids;
  {
    MutexLock lock(index_mutex_);
    if (absl::Status read = ReadIndex(); !read.ok()) return read;
    ids = index_.unfinished();
  }
  std::vector<DeploymentRecord> unfinished;
  for (const std::string& id : ids) {
    absl::StatusOr<DeploymentRecord> record = Load(id);
    if (record.ok() && !HasEnded(record->deployment.state())) {
      unfinished.push_back(*std::move(record));
    } else if (record.ok() || absl::IsNotFound(record.status())) {
      Refresh(id);  // a write that failed may have been made all the same
    } else if (!absl::IsDataLoss(record.status())) {
      return record.status();
    }
  }
  return unfinished;
}

absl::Status DeploymentStore::ReadIndex() {
  if (index_read_) return absl::OkStatus();
  DeploymentIndex read;
  absl::Status status = deployments_.ForEach("", "", [&](Deployments::Row& row) {
    if (row.message.ok()) read.Put(row.name, IndexEntry(row.message->deployment(), row.revision));
    return true;
  });
  if (!status.ok()) return status;
  index_ = std::move(read);
  index_read_ = true;
  return absl::OkStatus();
}

void DeploymentStore::Refresh(const std::string& id) {
  const absl::StatusOr<Deployments::Row> row = deployments_.Find(id);
  MutexLock lock(index_mutex_);
  if (row.ok() && row->message.ok()) {
    index_.Put(id, IndexEntry(row->message->deployment(), row->revision));
  } else if (row.ok() || absl::IsNotFound(row.status())) {
    index_.Remove(id);
    orphans_.insert(id);
  } else {
    index_read_ = false;
  }
}

}  // namespace gitops
