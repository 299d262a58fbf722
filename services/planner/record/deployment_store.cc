#include "services/planner/record/deployment_store.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "services/planner/record/bulk.h"
#include "services/planner/record/deployment_id.h"
#include "services/planner/record/record_keys.h"
#include "services/planner/record/record_texts.h"

namespace gitops {
namespace {

// Only another Save of the same deployment can come between reading and writing.
constexpr int kSaveAttempts = 10;
// Of a deployment; the newest are kept.
constexpr int kMostEvents = 1000;

record::v1::DeploymentEntry Storable(const record::v1::DeploymentEntry& entry) {
  record::v1::DeploymentEntry stored = entry;
  v1::Deployment& deployment = *stored.mutable_deployment();
  deployment.clear_hosts();
  deployment.clear_hook_calls();
  auto& events = *deployment.mutable_events();
  if (events.size() > kMostEvents) events.DeleteSubrange(0, events.size() - kMostEvents);
  BoundTexts(stored);
  return stored;
}

StoreWrite EntryWrite(const record::v1::DeploymentEntry& entry) {
  StoreWrite write;
  write.key = EntryKey(entry.deployment().id());
  write.value = Storable(entry).SerializeAsString();
  return write;
}

StoreWrite HostWrite(const std::string& id, int index, const record::v1::HostEntry& host) {
  record::v1::HostEntry stored = host;
  stored.mutable_host()->clear_steps();
  BoundTexts(stored);
  StoreWrite write;
  write.key = HostKey(id, index);
  write.value = stored.SerializeAsString();
  return write;
}

absl::Status AddCheckpoint(const std::string& id, const DeploymentStore::Checkpoint& host,
                           std::vector<StoreWrite>& writes) {
  if (absl::Status status = CheckId(id); !status.ok()) return status;
  if (absl::Status status = CheckIndex(id, host.index); !status.ok()) return status;
  writes.push_back(HostWrite(id, host.index, *host.host));
  if (host.step == nullptr) return absl::OkStatus();
  if (host.step->number() < 1) {
    return absl::InvalidArgumentError(absl::StrCat("store a step of host ", host.index,
                                                   " of the deployment ", id,
                                                   ": steps are numbered from 1 on"));
  }
  v1::StepRecord stored = *host.step;
  BoundStep(stored);
  StoreWrite& write = writes.emplace_back();
  write.key = StepKey(id, host.index, stored.number());
  write.value = stored.SerializeAsString();
  return absl::OkStatus();
}

absl::Status NotFound(const std::string& id) {
  return absl::NotFoundError(absl::StrCat("there is no deployment ", id,
                                          "; `gitopsctl list deployments` shows those that "
                                          "are kept"));
}

// The values under `prefix`, whose keys end with 0, 1, 2…
template <typename Message>
absl::StatusOr<std::vector<Message>> ReadRow(Store& store, const std::string& prefix) {
  absl::StatusOr<std::vector<StoredValue>> values = store.List(prefix);
  if (!values.ok()) return values.status();
  std::vector<Message> messages(values->size());
  for (size_t i = 0; i < values->size(); ++i) {
    const StoredValue& value = (*values)[i];
    if (NumberAfter(prefix, value.key) != static_cast<int>(i)) {
      return Unreadable(value.key, absl::StrCat("number ", i, " before it is missing"));
    }
    if (absl::Status status = Parse(value, messages[i]); !status.ok()) return status;
  }
  return messages;
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

std::string DeploymentStore::NewDeploymentId() { return MakeDeploymentId(clock_->Now()); }

absl::Status DeploymentStore::Create(const record::v1::DeploymentEntry& entry,
                                     const std::vector<record::v1::HostEntry>& hosts,
                                     const std::vector<v1::HookCall>& calls) {
  const std::string& id = entry.deployment().id();
  if (absl::Status status = CheckId(id); !status.ok()) return status;
  if (hosts.size() > kMostHosts || calls.size() > kMostCalls) {
    return absl::InvalidArgumentError(
        absl::StrCat("store the deployment ", id, ": ", hosts.size(), " hosts and ", calls.size(),
                     " hook calls are more than ", kMostHosts, " and ", kMostCalls));
  }
  std::vector<StoreWrite> writes;
  writes.reserve(hosts.size() + calls.size() + 1);
  for (const record::v1::HostEntry& host : hosts) {
    writes.push_back(HostWrite(id, static_cast<int>(writes.size()), host));
  }
  for (size_t i = 0; i < calls.size(); ++i) {
    v1::HookCall call = calls[i];
    BoundTexts(call);
    StoreWrite& write = writes.emplace_back();
    write.key = CallKey(id, static_cast<int>(i));
    write.value = call.SerializeAsString();
  }
  writes.push_back(EntryWrite(entry));
  for (StoreWrite& write : writes) write.expected_revision = 0;
  absl::Status status = WriteAll(*store_, writes);
  if (!absl::IsFailedPrecondition(status)) return status;
  return absl::AlreadyExistsError(
      absl::StrCat("store the deployment ", id, ": there is one of that id"));
}

absl::StatusOr<record::v1::DeploymentEntry> DeploymentStore::Load(const std::string& id) {
  absl::StatusOr<StoredValue> value = store_->Get(EntryKey(id));
  if (absl::IsNotFound(value.status())) return NotFound(id);
  if (!value.ok()) return value.status();
  record::v1::DeploymentEntry entry;
  if (absl::Status status = Parse(*value, entry); !status.ok()) return status;
  return entry;
}

absl::StatusOr<std::vector<record::v1::HostEntry>> DeploymentStore::LoadHosts(
    const std::string& id) {
  return ReadRow<record::v1::HostEntry>(*store_, HostKeys(id));
}

absl::Status DeploymentStore::Save(const record::v1::DeploymentEntry& entry,
                                   const Checkpoint* host) {
  const std::string& id = entry.deployment().id();
  std::vector<StoreWrite> writes = {EntryWrite(entry)};
  if (host != nullptr) {
    if (absl::Status status = AddCheckpoint(id, *host, writes); !status.ok()) return status;
  }
  absl::Status status;
  for (int attempt = 0; attempt < kSaveAttempts; ++attempt) {
    absl::StatusOr<StoredValue> before = store_->Get(writes[0].key);
    if (absl::IsNotFound(before.status())) return NotFound(id);
    if (!before.ok()) return before.status();
    writes[0].expected_revision = before->revision;
    status = store_->Write(writes).status();
    if (!absl::IsFailedPrecondition(status)) return status;
  }
  return absl::UnavailableError(
      absl::StrCat("save the deployment ", id, ": others keep saving it: ", status.message()));
}

absl::Status DeploymentStore::SaveHost(const std::string& id, int index,
                                       const record::v1::HostEntry& host,
                                       const v1::StepRecord* step) {
  std::vector<StoreWrite> writes;
  const Checkpoint checkpoint{.index = index, .host = &host, .step = step};
  if (absl::Status status = AddCheckpoint(id, checkpoint, writes); !status.ok()) return status;
  return store_->Write(writes).status();
}

absl::StatusOr<v1::StepRecord> DeploymentStore::LoadStep(const std::string& id, int index,
                                                         int number) {
  absl::StatusOr<StoredValue> value = store_->Get(StepKey(id, index, number));
  if (absl::IsNotFound(value.status())) {
    return absl::NotFoundError(
        absl::StrCat("host ", index, " of the deployment ", id, " has no step ", number));
  }
  if (!value.ok()) return value.status();
  v1::StepRecord step;
  if (absl::Status status = Parse(*value, step); !status.ok()) return status;
  return step;
}

absl::StatusOr<v1::Deployment> DeploymentStore::Whole(const std::string& id) {
  absl::StatusOr<record::v1::DeploymentEntry> entry = Load(id);
  if (!entry.ok()) return entry.status();
  v1::Deployment whole = std::move(*entry->mutable_deployment());
  absl::StatusOr<std::vector<record::v1::HostEntry>> hosts = LoadHosts(id);
  if (!hosts.ok()) return hosts.status();
  for (record::v1::HostEntry& host : *hosts) *whole.add_hosts() = std::move(*host.mutable_host());
  absl::StatusOr<std::vector<v1::HookCall>> calls = SelectCalls(id);
  if (!calls.ok()) return calls.status();
  for (v1::HookCall& call : *calls) *whole.add_hook_calls() = std::move(call);

  absl::StatusOr<std::vector<StoredValue>> steps = store_->List(StepKeys(id));
  if (!steps.ok()) return steps.status();
  for (const StoredValue& step : *steps) {
    const std::optional<int> index = NumberAfter(StepKeys(id), step.key);
    if (!index.has_value() || *index >= whole.hosts_size()) {
      return Unreadable(step.key, "the deployment has no such host");
    }
    absl::Status status = Parse(step, *whole.mutable_hosts(*index)->add_steps());
    if (!status.ok()) return status;
  }
  for (v1::HostDeployment& host : *whole.mutable_hosts()) SortSteps(host);
  return whole;
}

absl::StatusOr<std::vector<v1::HookCall>> DeploymentStore::SelectCalls(const std::string& id) {
  return ReadRow<v1::HookCall>(*store_, CallKeys(id));
}

absl::StatusOr<v1::HostDeployment> DeploymentStore::BareHost(const std::string& id, int index) {
  absl::StatusOr<StoredValue> value = store_->Get(HostKey(id, index));
  if (absl::IsNotFound(value.status())) {
    return absl::NotFoundError(absl::StrCat("the deployment ", id, " has no host ", index));
  }
  if (!value.ok()) return value.status();
  record::v1::HostEntry entry;
  if (absl::Status status = Parse(*value, entry); !status.ok()) return status;
  return std::move(*entry.mutable_host());
}

absl::StatusOr<v1::HostDeployment> DeploymentStore::WholeHost(const std::string& id, int index) {
  absl::StatusOr<v1::HostDeployment> bare = BareHost(id, index);
  if (!bare.ok()) return bare.status();
  v1::HostDeployment host = *std::move(bare);
  absl::StatusOr<std::vector<StoredValue>> steps = store_->List(StepKeys(id, index));
  if (!steps.ok()) return steps.status();
  for (const StoredValue& step : *steps) {
    if (absl::Status status = Parse(step, *host.add_steps()); !status.ok()) return status;
  }
  SortSteps(host);
  return host;
}

absl::StatusOr<std::vector<v1::Deployment>> DeploymentStore::List(const std::string& before,
                                                                  int limit) {
  std::vector<v1::Deployment> deployments;
  std::string end = before.empty() ? "" : EntryKey(before);
  const auto wanted = [&] { return std::max(limit - static_cast<int>(deployments.size()), 0); };
  // More than once only where there are unreadable ones.
  while (wanted() > 0) {
    const size_t most = wanted();
    // The store lists forwards only, so all older ones are passed over; only the last are held.
    std::deque<StoredValue> newest;
    absl::Status status =
        ForEachValue(*store_, kEntryPrefix, [&](const StoredValue& value) -> absl::StatusOr<bool> {
          if (!end.empty() && value.key >= end) return false;
          newest.push_back(value);
          if (newest.size() > most) newest.pop_front();
          return true;
        });
    if (!status.ok()) return status;
    for (auto value = newest.rbegin(); value != newest.rend(); ++value) {
      record::v1::DeploymentEntry entry;
      if (status = Parse(*value, entry); status.ok()) {
        deployments.push_back(std::move(*entry.mutable_deployment()));
      } else {
        LogWarning("a deployment is not listed, because it is unreadable",
                   {{"error", std::string(status.message())}});
      }
    }
    if (newest.size() < most) break;
    end = newest.front().key;
  }
  return deployments;
}

absl::StatusOr<std::vector<record::v1::DeploymentEntry>> DeploymentStore::Unfinished() {
  std::vector<record::v1::DeploymentEntry> unfinished;
  absl::Status status =
      ForEachValue(*store_, kEntryPrefix, [&](const StoredValue& value) -> absl::StatusOr<bool> {
        record::v1::DeploymentEntry entry;
        if (absl::Status parsed = Parse(value, entry); !parsed.ok()) {
          // The others need not wait for somebody to look at it.
          LogError("a deployment is left, because it is unreadable",
                   {{"error", std::string(parsed.message())}});
          return true;
        }
        if (!HasEnded(entry.deployment().state())) unfinished.push_back(std::move(entry));
        return true;
      });
  if (!status.ok()) return status;
  return unfinished;
}

}  // namespace gitops
