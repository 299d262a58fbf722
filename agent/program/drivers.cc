#include "agent/program/drivers.h"

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/activate/unit_activator.h"
#include "agent/program/bootstrap.h"
#include "agent/publish/bind_publisher.h"
#include "agent/publish/layout.h"
#include "agent/publish/symlink_publisher.h"
#include "agent/revision/revision.h"

namespace gitops {
namespace {

ExchangeWay ExchangeSetting(const Settings& settings) {
  const std::string& way = settings.Get("mount-exchange");
  if (way == "beneath") return ExchangeWay::kBeneath;
  return way == "propagation" ? ExchangeWay::kPropagation : ExchangeWay::kAuto;
}

class GitDriverFactory final : public DriverFactory {
 public:
  GitDriverFactory(const Settings& settings, DriverOptions options)
      : options_(options),
        mounts_(settings.GetBool("root")),
        exchange_(ExchangeSetting(settings)) {}

  std::shared_ptr<Upstream> UpstreamFor(const ServiceSpec& spec) override {
    return options_.git->UpstreamFor(spec.upstream, spec.user);
  }

  absl::StatusOr<ServiceDrivers> DriversFor(const ServiceSpec& spec) override {
    if (spec.nix.has_value()) {
      return absl::UnimplementedError(absl::StrCat(
          "service \"", spec.service, "\": this version has no driver for Hydra jobs"));
    }
    const bool mounts = mounts_ && !IsBootstrapService(spec);
    DeferredPair deferred =
        DeferDrivers([spec, mounts, git = options_.git, records = options_.records,
                      exchange = exchange_]() -> absl::StatusOr<SourceAndPublisher> {
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
  const bool mounts_;
  const ExchangeWay exchange_;
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
  pair.source =
      git.SourceFor(spec, store, mounts ? std::vector<std::string>() : SymlinkedPlaces(spec));
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

absl::Status CheckPrivilege(const Settings& settings) {
  if (!settings.GetBool("root") || geteuid() == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "publishing by bind mounts needs root; run as root, or give --root=false to publish by "
      "symlinks");
}

std::unique_ptr<DriverFactory> NewDriverFactory(const Settings& settings, DriverOptions options) {
  return std::make_unique<GitDriverFactory>(settings, options);
}

}  // namespace gitops
