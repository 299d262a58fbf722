#include "agent/program/drivers.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/activate/unit_activator.h"
#include "agent/program/bootstrap.h"
#include "agent/publish/bind_publisher.h"
#include "agent/publish/symlink_publisher.h"
#include "agent/revision/revision.h"

namespace gitops {
namespace {

class GitDriverFactory final : public DriverFactory {
 public:
  explicit GitDriverFactory(DriverOptions options) : options_(options) {}

  std::shared_ptr<Upstream> UpstreamFor(const ServiceSpec& spec) override {
    return options_.git->UpstreamFor(spec.upstream, spec.user);
  }

  absl::StatusOr<ServiceDrivers> DriversFor(const ServiceSpec& spec) override {
    if (spec.nix.has_value()) {
      return absl::UnimplementedError(absl::StrCat(
          "service \"", spec.service, "\": this version has no driver for Hydra jobs"));
    }
    const bool mounts = options_.mounts && !IsBootstrapService(spec);
    DeferredPair deferred =
        DeferDrivers([spec, mounts, git = options_.git, records = options_.records,
                      exchange = options_.exchange]() -> absl::StatusOr<SourceAndPublisher> {
          auto record = records->Load(spec.service);
          if (!record.ok()) return record.status();
          const std::string last = record->has_value() ? (*record)->published : "";
          return OpenGitService(spec, *git, mounts, last, exchange);
        });
    UnitActivatorOptions unit;
    unit.service = spec.service;
    unit.action = spec.action;
    unit.healthy_within = spec.healthy_within;
    unit.package = spec.package;
    for (const DirectorySpec& directory : spec.directories) {
      if (!directory.local.empty()) unit.local_paths.push_back(directory.local);
    }
    return ServiceDrivers{
        std::move(deferred.source), std::move(deferred.publisher),
        NewUnitActivator(std::move(unit), options_.systemd, options_.packages, options_.clock)};
  }

 private:
  const DriverOptions options_;
};

}  // namespace

absl::StatusOr<SourceAndPublisher> OpenGitService(const ServiceSpec& spec, GitDriver& git,
                                                  bool mounts, const std::string& last_published,
                                                  ExchangeWay exchange) {
  absl::StatusOr<std::unique_ptr<RevisionStore>> opened = RevisionStore::Open(
      RevisionRoot(spec), mounts ? StoreAccess::kMounts : StoreAccess::kSymlinks);
  if (!opened.ok()) return opened.status();
  std::shared_ptr<RevisionStore> store = *std::move(opened);
  SourceAndPublisher pair;
  pair.source = git.SourceFor(spec, store);
  if (mounts) {
    BindPublisherOptions bind;
    bind.spec = spec;
    bind.store = store.get();
    bind.last_published = last_published;
    bind.way = exchange;
    pair.publisher = NewBindPublisher(std::move(bind));
  } else {
    SymlinkPublisherOptions symlink;
    symlink.spec = spec;
    symlink.store = store.get();
    symlink.last_published = last_published;
    pair.publisher = NewSymlinkPublisher(std::move(symlink));
  }
  pair.store = std::move(store);
  return pair;
}

std::unique_ptr<DriverFactory> NewDriverFactory(DriverOptions options) {
  return std::make_unique<GitDriverFactory>(options);
}

}  // namespace gitops
