#include "agent/controller/fake_drivers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace gitops {

class FakeHost::FakeUpstream final : public Upstream {
 public:
  explicit FakeUpstream(FakeHost* host) : host_(host) {}

  absl::StatusOr<Tips> Newest(const std::set<std::string>& refs, std::stop_token) override {
    MutexLock lock(host_->mutex_);
    ++host_->polls_;
    if (!host_->upstream_status_.ok()) return host_->upstream_status_;
    Tips newest;
    for (const std::string& ref : refs) {
      auto tip = host_->tips_.find(ref);
      if (tip == host_->tips_.end()) {
        newest[ref] = absl::NotFoundError(absl::StrCat("no branch ", ref));
      } else {
        newest[ref] = tip->second;
      }
    }
    return newest;
  }

  absl::StatusOr<std::set<std::string>> Touched(const std::string&, const std::string& from,
                                                const std::string& to,
                                                const std::set<std::string>& paths,
                                                std::stop_token) override {
    MutexLock lock(host_->mutex_);
    ++host_->comparisons_;
    const auto same = host_->same_.find(std::minmax(from, to));
    if (same == host_->same_.end()) return paths;
    std::set<std::string> touched;
    for (const std::string& path : paths) {
      if (same->second.contains(path)) touched.insert(path);
    }
    return touched;
  }

  absl::StatusOr<CommitInfo> Describe(const std::string&, const std::string& revision,
                                      std::stop_token) override {
    return host_->Commit(revision);
  }

  std::string name() const override { return "fake"; }

 private:
  FakeHost* host_;
};

class FakeHost::FakeSource final : public Source {
 public:
  FakeSource(FakeHost* host, std::string service) : host_(host), service_(std::move(service)) {}

  absl::Status Prepare(const std::string& revision, bool afresh, std::stop_token stop) override {
    const std::stop_callback wake(stop, [this] {
      MutexLock lock(host_->mutex_);
      host_->changed_.NotifyAll();
    });
    MutexLock lock(host_->mutex_);
    if (absl::Status fault = Fault(host_->prepare_faults_, revision); !fault.ok()) return fault;
    Service& service = host_->services_[service_];
    if (afresh) service.drift.clear();
    if (afresh) service.edited.erase(revision);
    if (service.ready.contains(revision)) return absl::OkStatus();
    ++host_->held_fetches_;
    host_->changed_.NotifyAll();
    while (host_->hold_fetches_ && !stop.stop_requested()) host_->changed_.Wait(host_->mutex_);
    --host_->held_fetches_;
    if (stop.stop_requested()) return absl::CancelledError("interrupted");
    if (!host_->upstream_status_.ok()) return host_->upstream_status_;
    service.ready.insert(revision);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Resolve(absl::string_view prefix, std::stop_token) override {
    MutexLock lock(host_->mutex_);
    if (!host_->upstream_status_.ok()) return host_->upstream_status_;
    for (const std::string& commit : host_->commits_) {
      if (absl::StartsWith(commit, prefix)) return commit;
    }
    return absl::NotFoundError(absl::StrCat("no revision begins with ", prefix));
  }

  absl::StatusOr<bool> SameContent(const std::string& a, const std::string& b,
                                   std::stop_token) override {
    MutexLock lock(host_->mutex_);
    const auto same = host_->same_.find(std::minmax(a, b));
    return same != host_->same_.end() && !same->second.contains(service_);
  }

  std::string Remark(const std::string& revision) override {
    MutexLock lock(host_->mutex_);
    return host_->remarks_[revision];
  }

  // A revision has one file, whose content is named after it.
  absl::StatusOr<std::vector<File>> Files(const std::string& revision, std::stop_token) override {
    return std::vector<File>{{"web/etc/conf", 0100644, revision}};
  }
  absl::StatusOr<std::map<std::string, std::string>> Contents(const std::set<std::string>& ids,
                                                              int64_t, int64_t,
                                                              std::stop_token) override {
    std::map<std::string, std::string> contents;
    for (const std::string& id : ids) contents[id] = "content of " + id + "\n";
    return contents;
  }

  CommitInfo Describe(const std::string& revision, std::stop_token stop) override {
    const std::stop_callback wake(stop, [this] {
      MutexLock lock(host_->mutex_);
      host_->changed_.NotifyAll();
    });
    MutexLock lock(host_->mutex_);
    while (host_->hold_descriptions_ && !stop.stop_requested()) host_->changed_.Wait(host_->mutex_);
    if (host_->hold_descriptions_) return {};
    return host_->Commit(revision);
  }

  std::vector<std::string> Ready() override {
    MutexLock lock(host_->mutex_);
    const std::set<std::string>& ready = host_->services_[service_].ready;
    return {ready.begin(), ready.end()};
  }

  absl::Status Prune(int keep, const std::set<std::string>& in_use, std::stop_token) override {
    MutexLock lock(host_->mutex_);
    std::set<std::string>& ready = host_->services_[service_].ready;
    std::erase_if(ready, [&](const std::string& revision) {
      return !in_use.contains(revision) && static_cast<int>(ready.size()) > keep;
    });
    return absl::OkStatus();
  }

 private:
  FakeHost* host_;
  const std::string service_;
};

class FakeHost::FakePublisher final : public Publisher {
 public:
  FakePublisher(FakeHost* host, std::string service) : host_(host), service_(std::move(service)) {}

  absl::Status Publish(const std::string& revision, const MayExchange& may_exchange,
                       const std::function<void()>& exchanged, std::stop_token stop) override {
    if (absl::Status passed = host_->PassDisk(stop); !passed.ok()) return passed;
    {
      MutexLock lock(host_->mutex_);
      if (absl::Status fault = Fault(host_->publish_faults_, revision); !fault.ok()) return fault;
      if (!host_->services_[service_].ready.contains(revision)) {
        return absl::NotFoundError(absl::StrCat(revision, " is not ready"));
      }
    }
    if (absl::Status may = may_exchange(); !may.ok()) return may;
    {
      MutexLock lock(host_->mutex_);
      host_->services_[service_].published = revision;
    }
    exchanged();
    MutexLock lock(host_->mutex_);
    while (host_->hold_ends_) host_->changed_.Wait(host_->mutex_);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Published() override {
    MutexLock lock(host_->mutex_);
    Service& service = host_->services_[service_];
    ++service.looks;
    if (!service.published_error.ok()) return service.published_error;
    return service.published;
  }

  absl::StatusOr<std::vector<DriftEntry>> Drift(const std::string& revision, bool,
                                                std::stop_token stop) override {
    if (absl::Status passed = host_->PassDisk(stop); !passed.ok()) return passed;
    MutexLock lock(host_->mutex_);
    return host_->services_[service_].drift;
  }

  absl::StatusOr<std::string> Content(const std::string&, const std::string& path,
                                      int64_t) override {
    if (path == "web/etc/private") return absl::PermissionDeniedError("private");
    return "what is on the host\n";
  }

  absl::StatusOr<bool> IsIntact(const std::string& revision, std::stop_token) override {
    MutexLock lock(host_->mutex_);
    const Service& service = host_->services_[service_];
    if (!service.intact_error.ok()) return service.intact_error;
    return !service.edited.contains(revision);
  }

 private:
  FakeHost* host_;
  const std::string service_;
};

class FakeHost::FakeActivator final : public Activator {
 public:
  FakeActivator(FakeHost* host, std::string service) : host_(host), service_(std::move(service)) {}

  absl::Status Prepare() override { return absl::OkStatus(); }

  absl::Status Activate(bool first) override {
    MutexLock lock(host_->mutex_);
    Service& service = host_->services_[service_];
    const std::string revision = service.published;
    service.activations.push_back(revision);
    ++host_->held_;
    host_->changed_.NotifyAll();
    while (host_->hold_ && !stopped_) host_->changed_.Wait(host_->mutex_);
    --host_->held_;
    if (stopped_) return absl::CancelledError("stopping");
    if (absl::Status fault = Fault(host_->activate_faults_, revision); !fault.ok()) return fault;
    service.activated = revision;
    return absl::OkStatus();
  }

  absl::Status CheckHealth() override {
    MutexLock lock(host_->mutex_);
    return host_->services_[service_].health;
  }

  void Stop() override {
    MutexLock lock(host_->mutex_);
    stopped_ = true;
    host_->changed_.NotifyAll();
  }

 private:
  FakeHost* host_;
  const std::string service_;
  bool stopped_ = false;
};

FakeHost::FakeHost() : upstream_(std::make_shared<FakeUpstream>(this)) {}
FakeHost::~FakeHost() = default;

std::shared_ptr<Upstream> FakeHost::UpstreamFor(const ServiceSpec&) { return upstream_; }

absl::StatusOr<ServiceDrivers> FakeHost::DriversFor(const ServiceSpec& spec) {
  if (spec.nix.has_value()) return absl::UnimplementedError("no driver for Nix services");
  return ServiceDrivers{std::make_unique<FakeSource>(this, spec.service),
                        std::make_unique<FakePublisher>(this, spec.service),
                        std::make_unique<FakeActivator>(this, spec.service)};
}

absl::Status FakeHost::Fault(const std::map<std::string, absl::Status>& faults,
                             const std::string& revision) {
  auto fault = faults.find(revision);
  return fault == faults.end() ? absl::OkStatus() : fault->second;
}

}  // namespace gitops
