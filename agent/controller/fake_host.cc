// What tests do with a FakeHost.
#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/controller/fake_drivers.h"

namespace gitops {

FakeHost::Service FakeHost::Look(const std::string& service) {
  MutexLock lock(mutex_);
  return services_[service];
}

void FakeHost::Set(const std::string& service, const std::function<void(Service&)>& change) {
  MutexLock lock(mutex_);
  change(services_[service]);
}

void FakeHost::Push(const std::string& branch, const std::string& revision) {
  MutexLock lock(mutex_);
  tips_[branch] = revision;
  commits_.insert(revision);
}

void FakeHost::SetUpstreamStatus(absl::Status status) {
  MutexLock lock(mutex_);
  upstream_status_ = std::move(status);
}

int FakeHost::comparisons() {
  MutexLock lock(mutex_);
  return comparisons_;
}

int FakeHost::polls() {
  MutexLock lock(mutex_);
  return polls_;
}

void FakeHost::SetRemark(const std::string& revision, std::string remark) {
  MutexLock lock(mutex_);
  remarks_[revision] = std::move(remark);
}

void FakeHost::FailPrepare(const std::string& revision, absl::Status status) {
  MutexLock lock(mutex_);
  prepare_faults_[revision] = std::move(status);
}

void FakeHost::FailPublish(const std::string& revision, absl::Status status) {
  MutexLock lock(mutex_);
  publish_faults_[revision] = std::move(status);
}

void FakeHost::FailActivate(const std::string& revision, absl::Status status) {
  MutexLock lock(mutex_);
  activate_faults_[revision] = std::move(status);
}

void FakeHost::MakeSame(const std::string& a, const std::string& b, std::set<std::string> touched) {
  MutexLock lock(mutex_);
  same_.insert_or_assign(std::minmax(a, b), std::move(touched));
}

void FakeHost::HoldActivations() {
  MutexLock lock(mutex_);
  hold_ = true;
}

void FakeHost::Release() {
  MutexLock lock(mutex_);
  hold_ = false;
  changed_.NotifyAll();
}

void FakeHost::HoldFetches() {
  MutexLock lock(mutex_);
  hold_fetches_ = true;
}

void FakeHost::HoldDescriptions() {
  MutexLock lock(mutex_);
  hold_descriptions_ = true;
}

void FakeHost::ReleaseFetches() {
  MutexLock lock(mutex_);
  hold_fetches_ = hold_descriptions_ = false;
  changed_.NotifyAll();
}

bool FakeHost::fetching() {
  MutexLock lock(mutex_);
  return held_fetches_ > 0;
}

void FakeHost::HoldDisk(bool stops_late) {
  MutexLock lock(mutex_);
  stops_late_ = stops_late;
  hold_disk_ = true;
}

void FakeHost::HoldEndsOfPublications() {
  MutexLock lock(mutex_);
  hold_ends_ = true;
}

void FakeHost::ReleaseDisk() {
  MutexLock lock(mutex_);
  hold_disk_ = hold_ends_ = false;
  changed_.NotifyAll();
}

absl::Status FakeHost::PassDisk(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    MutexLock lock(mutex_);
    changed_.NotifyAll();
  });
  MutexLock lock(mutex_);
  ++held_disk_;
  changed_.NotifyAll();
  const bool late = stops_late_;
  while (hold_disk_ && (late || !stop.stop_requested())) changed_.Wait(mutex_);
  --held_disk_;
  if (late) return absl::OkStatus();
  return stop.stop_requested() ? absl::CancelledError("stopped") : absl::OkStatus();
}

bool FakeHost::AwaitPositive(const int& held) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (held == 0) {
    if (!changed_.WaitUntil(mutex_, deadline)) return false;
  }
  return true;
}

bool FakeHost::AwaitHeldFetch() {
  MutexLock lock(mutex_);
  return AwaitPositive(held_fetches_);
}

bool FakeHost::AwaitHeldDisk() {
  MutexLock lock(mutex_);
  return AwaitPositive(held_disk_);
}

bool FakeHost::AwaitHeld() {
  MutexLock lock(mutex_);
  return AwaitPositive(held_);
}

}  // namespace gitops
