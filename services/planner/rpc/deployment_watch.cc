#include "services/planner/rpc/deployment_watch.h"

#include <utility>

namespace gitops {
namespace {

size_t Fingerprint(const google::protobuf::MessageLite& message) {
  return std::hash<std::string>()(message.SerializeAsString());
}

}  // namespace

absl::Status DeploymentWatch::TellAll() {
  absl::StatusOr<v1::Deployment> whole = store_->Whole(id_);
  if (!whole.ok()) return whole.status();
  auto hosts = std::move(*whole->mutable_hosts());
  whole->clear_hosts();
  whole->clear_hook_calls();
  hosts_.assign(hosts.size(), 0);
  const bool ended = HasEnded(whole->state());
  if (absl::Status sent = SendDeployment(*std::move(whole), hosts.empty()); !sent.ok()) return sent;
  for (int i = 0; i < hosts.size(); ++i) {
    const bool last = i + 1 == hosts.size();
    if (absl::Status sent = SendHost(i, std::move(hosts[i]), last); !sent.ok()) return sent;
  }
  done_ = ended;
  return absl::OkStatus();
}

absl::Status DeploymentWatch::TellChanges(const std::set<int>& changed) {
  for (const int index : changed) {
    if (index < 0) continue;
    if (absl::Status told = TellHost(index); !told.ok()) return told;
  }
  return changed.contains(-1) ? TellDeployment() : absl::OkStatus();
}

absl::Status DeploymentWatch::TellHost(int index) {
  absl::StatusOr<v1::HostDeployment> host = store_->WholeHost(id_, index);
  if (!host.ok()) return host.status();
  return SendHost(index, *std::move(host), /*last=*/false);
}

absl::Status DeploymentWatch::TellDeployment() {
  absl::StatusOr<record::v1::DeploymentEntry> entry = store_->Load(id_);
  if (!entry.ok()) return entry.status();
  const bool ended = HasEnded(entry->deployment().state());
  if (ended) {
    if (absl::Status told = TellRest(); !told.ok()) return told;
  }
  absl::Status sent = SendDeployment(std::move(*entry->mutable_deployment()), /*last=*/false);
  done_ = ended && sent.ok();
  return sent;
}

absl::Status DeploymentWatch::TellRest() {
  absl::StatusOr<v1::Deployment> whole = store_->Whole(id_);
  if (!whole.ok()) return whole.status();
  for (int i = 0; i < whole->hosts_size(); ++i) {
    absl::Status sent = SendHost(i, std::move(*whole->mutable_hosts(i)), /*last=*/false);
    if (!sent.ok()) return sent;
  }
  return absl::OkStatus();
}

absl::Status DeploymentWatch::SendHost(int index, v1::HostDeployment host, bool last) {
  if (index >= static_cast<int>(hosts_.size())) hosts_.resize(index + 1, 0);
  const size_t fingerprint = Fingerprint(host);
  if (std::exchange(hosts_[index], fingerprint) == fingerprint && !last) return absl::OkStatus();
  v1::WatchDeploymentResponse response;
  *response.mutable_host() = std::move(host);
  response.set_initial_done(last);
  return Send(response);
}

absl::Status DeploymentWatch::SendDeployment(v1::Deployment deployment, bool last) {
  const size_t fingerprint = Fingerprint(deployment);
  if (std::exchange(deployment_, fingerprint) == fingerprint && !last) return absl::OkStatus();
  v1::WatchDeploymentResponse response;
  *response.mutable_deployment() = std::move(deployment);
  response.set_initial_done(last);
  return Send(response);
}

absl::Status DeploymentWatch::Send(const v1::WatchDeploymentResponse& response) const {
  return write_(response) ? absl::OkStatus() : absl::CancelledError("the watcher is gone");
}

}  // namespace gitops
