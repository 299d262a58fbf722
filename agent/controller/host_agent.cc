#include "agent/controller/host_agent.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/git/url.h"
#include "common/log/log.h"
#include "common/rpc/error.h"

namespace gitops {

HostAgent::HostAgent(HostAgentOptions options)
    : options_(std::move(options)), saver_(options_.records), hub_(options_.max_watchers) {}

HostAgent::~HostAgent() { Stop(); }

absl::Status HostAgent::Configure(const std::vector<ServiceSpec>& specs) {
  MutexLock configure(configure_mutex_);
  std::map<std::string, Managed> before;
  {
    MutexLock lock(mutex_);
    if (stopping_) return MakeError(Reason::kServerStopping, "the agent is stopping");
    before = services_;
  }
  // Everything that can fail comes first.
  std::map<std::string, ServiceDrivers> fresh;
  std::map<std::string, const ServiceSpec*> wanted;
  for (const ServiceSpec& spec : specs) {
    wanted[spec.service] = &spec;
    auto known = before.find(spec.service);
    if (known != before.end() && known->second.controller->spec() == spec) continue;
    absl::StatusOr<ServiceDrivers> drivers = options_.drivers->DriversFor(spec);
    if (!drivers.ok()) return drivers.status();
    fresh[spec.service] = *std::move(drivers);
  }
  std::erase_if(before, [&](const auto& entry) {
    return wanted.contains(entry.first) && !fresh.contains(entry.first);
  });
  // First, so that they end at the same time.
  for (const auto& [service, managed] : before) managed.controller->RequestStop();
  for (const auto& [service, managed] : before) {
    Halt(service, managed);
    {
      MutexLock lock(mutex_);
      unsettled_.insert(service);
    }
    // Services that are only restarted stay visible meanwhile.
    if (wanted.contains(service)) continue;
    Remove(service);
    LogInfo("service removed from the configuration; its published files stay",
            {{"service", service}});
  }
  before.clear();
  std::vector<std::string> failed;
  absl::StatusCode code = absl::StatusCode::kOk;
  for (auto& [service, drivers] : fresh) {
    absl::StatusOr<Managed> begun = Begin(*wanted[service], std::move(drivers));
    if (begun.ok()) continue;
    if (failed.empty()) code = begun.status().code();
    failed.push_back(absl::StrCat("service \"", service, "\": ", begun.status().message()));
    Remove(service);
  }
  return absl::Status(code, absl::StrJoin(failed, "; "));
}

std::shared_ptr<UpstreamPoller> HostAgent::PollerFor(const ServiceSpec& spec) {
  std::shared_ptr<Upstream> upstream = options_.drivers->UpstreamFor(spec);
  MutexLock lock(mutex_);
  std::weak_ptr<UpstreamPoller>& slot = pollers_[upstream.get()];
  if (std::shared_ptr<UpstreamPoller> poller = slot.lock()) return poller;
  Scheduler* scheduler =
      options_.poll_scheduler != nullptr ? options_.poll_scheduler : options_.scheduler;
  UpstreamPoller::TipRounds rounds;
  if (options_.on_tips_end) {
    rounds = {options_.on_tips_begin,
              [this](const auto& moved) { options_.on_tips_end(ToTipMoves(moved)); }};
  }
  auto poller =
      std::make_shared<UpstreamPoller>(upstream, options_.clock, scheduler, options_.on_polled,
                                       PoolFor(Pool::kGit), options_.records, std::move(rounds));
  slot = poller;
  return poller;
}

Scheduler* HostAgent::PoolFor(Pool pool) const {
  Scheduler* own = options_.pools[static_cast<size_t>(pool)];
  return own != nullptr ? own : options_.scheduler;
}

absl::StatusOr<HostAgent::Managed> HostAgent::Begin(const ServiceSpec& spec,
                                                    ServiceDrivers drivers) {
  const std::string service = spec.service;
  std::shared_ptr<UpstreamPoller> poller = PollerFor(spec);
  ServiceOptions options;
  options.spec = spec;
  options.poll = spec.poll.value_or(options_.default_poll);
  options.records = options_.records;
  options.clock = options_.clock;
  options.scheduler = options_.scheduler;
  options.saver = &saver_;
  options.diff_texts = options_.diff_texts;
  // A service without unit or package does not wait behind those with one.
  const auto pool_if = [this](bool has, Pool pool) { return PoolFor(has ? pool : Pool::kDisk); };
  const bool unit = !spec.action.empty();
  options.pools = {poller->fetches(),
                   PoolFor(Pool::kDisk),
                   pool_if(!spec.package.empty(), Pool::kPackages),
                   pool_if(unit, Pool::kChecks),
                   pool_if(unit, Pool::kUnits),
                   PoolFor(Pool::kUpkeep)};
  options.on_change = [this, service](bool noted) { Report(service, noted); };
  options.upstream = poller->name();
  options.poll_now = [weak = std::weak_ptr<UpstreamPoller>(poller)] {
    if (auto poller = weak.lock()) poller->PollNow();
  };
  const absl::Duration poll = options.poll;
  auto started = ServiceController::Start(std::move(options), std::move(drivers));
  if (!started.ok()) return started.status();
  Managed managed{std::shared_ptr<ServiceController>(*std::move(started)), poller};
  Managed former;  // as in Forget()
  bool stopping;
  {
    MutexLock lock(mutex_);
    stopping = stopping_;
    former = std::exchange(services_[service], managed);
    unsettled_.insert(service);  // what it told before was of its former controller
    replaced_.NotifyAll();
  }
  if (stopping) managed.controller->RequestStop();
  std::weak_ptr<ServiceController> weak = managed.controller;
  std::set<std::string> paths;
  for (const DirectorySpec& directory : spec.directories) paths.insert(directory.link);
  poller->Add(service, {.ref = spec.branch,
                        .poll = poll,
                        .on_polled =
                            [weak](const absl::StatusOr<std::string>& tip, absl::Time next,
                                   const TipLook& look, std::shared_ptr<TipNote> note) {
                              if (auto controller = weak.lock()) {
                                controller->OnPolled(tip, next, look, std::move(note));
                              }
                            },
                        .paths = std::move(paths),
                        .at =
                            [weak] {
                              auto controller = weak.lock();
                              return controller != nullptr ? controller->At() : ServicePlace();
                            },
                        .user = spec.user});
  managed.controller->Announce();
  return managed;
}

void HostAgent::Halt(const std::string& service, const Managed& managed) {
  managed.poller->Remove(service);
  managed.controller->Stop();
  if (managed.poller->empty() && options_.on_upstream_unused) {
    options_.on_upstream_unused(managed.poller->name());
  }
}

void HostAgent::Forget(const std::string& service) {
  Managed former;  // destroyed without the lock: its upstream's poller may wait for an answer
  {
    MutexLock lock(mutex_);
    former = std::exchange(services_[service], {});
    services_.erase(service);
    replaced_.NotifyAll();
    std::erase_if(pollers_, [](const auto& entry) { return entry.second.expired(); });
  }
  hub_.Changed(service);
}

void HostAgent::Remove(const std::string& service) {
  Forget(service);
  if (options_.on_removed) options_.on_removed(service);
  MutexLock lock(mutex_);
  unsettled_.erase(service);
}

void HostAgent::Report(const std::string& service, bool noted) {
  auto controller = Find(service);
  if (!controller.ok()) return;
  if (options_.on_change) options_.on_change(service, (*controller)->View(), noted);
  hub_.Changed(service);
  if (noted) return;
  MutexLock lock(mutex_);
  const auto current = services_.find(service);
  if (current == services_.end() || current->second.controller != *controller) return;
  unsettled_.erase(service);
}

std::vector<TipMove> HostAgent::ToTipMoves(
    const std::vector<UpstreamPoller::TipRounds::Moved>& moved) const {
  std::map<std::string, const UpstreamPoller::TipRounds::Moved*> by_ref;
  for (const auto& of_branch : moved) by_ref[of_branch.ref] = &of_branch;
  // Those with other credentials have another poller, but show the same upstream.
  std::map<std::tuple<std::string, std::string, std::string>, TipMove> by_name;
  MutexLock lock(mutex_);
  for (const auto& [service, managed] : services_) {
    const ServiceSpec& spec = managed.controller->spec();
    const auto found = by_ref.find(spec.branch);
    if (found == by_ref.end()) continue;
    const auto& [ref, tip, commit, services] = *found->second;
    const BranchName branch = {RedactUrl(spec.upstream.url), spec.user, ref};
    TipMove& move = by_name[{branch.branch, branch.upstream, branch.user}];
    move.branch = branch;
    move.hash = tip;
    move.commit = commit;
    const bool is_moved = std::binary_search(services.begin(), services.end(), service);
    (is_moved ? move.moved : move.others).push_back(service);
  }
  std::vector<TipMove> moves;
  for (auto& [name, move] : by_name) {
    if (move.moved.empty()) continue;
    move.others.insert(move.others.end(), unsettled_.begin(), unsettled_.end());
    moves.push_back(std::move(move));
  }
  return moves;
}

absl::StatusOr<std::shared_ptr<ServiceController>> HostAgent::Find(
    const std::string& service) const {
  MutexLock lock(mutex_);
  auto found = services_.find(service);
  if (found != services_.end()) return found->second.controller;
  if (service.empty()) return InvalidField("service", "the service is missing");
  const std::string known = absl::StrJoin(services_, ", ", [](std::string* out, const auto& entry) {
    absl::StrAppend(out, entry.first);
  });
  return MakeError(Reason::kServiceUnknown,
                   absl::StrCat("no service \"", service, "\" on this host; there ",
                                known.empty() ? "are none" : "are: ", known),
                   {{"service", service}});
}

absl::StatusOr<std::shared_ptr<ServiceController>> HostAgent::AwaitSuccessor(
    const ServiceController& former, absl::Duration within) const {
  const std::string& service = former.spec().service;
  const absl::Time deadline = options_.clock->Now() + within;
  MutexLock lock(mutex_);
  for (bool in_time = true;; in_time = options_.clock->WaitUntil(mutex_, replaced_, deadline)) {
    auto found = services_.find(service);
    if (found == services_.end()) {
      return MakeError(Reason::kServiceUnknown,
                       absl::StrCat(service, ": was removed from the configuration"),
                       {{"service", service}});
    }
    if (found->second.controller.get() != &former) return found->second.controller;
    if (in_time) continue;
    return absl::DeadlineExceededError(
        absl::StrCat(service, ": did not restart within ", absl::FormatDuration(within)));
  }
}

std::vector<std::shared_ptr<ServiceController>> HostAgent::All() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<ServiceController>> all;
  for (const auto& [service, managed] : services_) all.push_back(managed.controller);
  return all;
}

absl::StatusOr<ServiceRecord> HostAgent::Pull(const std::string& service,
                                              const Patience& patience) {
  auto controller = Find(service);
  if (!controller.ok()) return controller.status();
  std::shared_ptr<UpstreamPoller> poller;
  {
    MutexLock lock(mutex_);
    auto found = services_.find(service);
    if (found != services_.end()) poller = found->second.poller;
  }
  if (poller != nullptr && (*controller)->Following()) {
    if (absl::Status status = poller->PollAndWait(patience); !status.ok()) return status;
  }
  return (*controller)->TakeUp(patience);
}

absl::StatusOr<std::string> HostAgent::Tip(const std::string& service) const {
  auto controller = Find(service);
  if (!controller.ok()) return controller.status();
  const ServiceSpec& spec = (*controller)->spec();
  auto newest = options_.drivers->UpstreamFor(spec)->Newest({spec.branch});
  if (!newest.ok()) return newest.status();
  return newest->at(spec.branch);
}

absl::StatusOr<std::vector<std::string>> HostAgent::TouchedBy(const std::string& service,
                                                              const std::string& revision,
                                                              std::stop_token stop) const {
  auto controller = Find(service);
  if (!controller.ok()) return controller.status();
  const std::string url = RedactUrl((*controller)->spec().upstream.url);
  const std::string& branch = (*controller)->spec().branch;
  std::vector<std::string> touched;
  // One comparison for all that are at the same revision.
  struct Group {
    std::shared_ptr<Upstream> upstream;
    std::set<std::string> paths;
    std::vector<const ServiceSpec*> specs;
  };
  std::map<std::pair<Upstream*, std::string>, Group> groups;
  const auto all = All();
  for (const auto& other : all) {
    const ServiceSpec& spec = other->spec();
    if (spec.branch != branch || RedactUrl(spec.upstream.url) != url) continue;
    const ServiceRecord record = other->View().record;
    if (record.published.empty()) touched.push_back(spec.service);
    if (record.published.empty() || record.hash == revision) continue;
    std::shared_ptr<Upstream> upstream = options_.drivers->UpstreamFor(spec);
    Group& group = groups[{upstream.get(), record.hash}];
    group.upstream = std::move(upstream);
    for (const DirectorySpec& directory : spec.directories) group.paths.insert(directory.link);
    group.specs.push_back(&spec);
  }
  for (const auto& [key, group] : groups) {
    auto changed = group.upstream->Touched(branch, key.second, revision, group.paths, stop);
    if (!changed.ok()) return changed.status();
    for (const ServiceSpec* spec : group.specs) {
      const auto& directories = spec->directories;
      const bool is_touched =
          std::any_of(directories.begin(), directories.end(),
                      [&](const auto& directory) { return changed->contains(directory.link); });
      if (is_touched) touched.push_back(spec->service);
    }
  }
  std::sort(touched.begin(), touched.end());
  return touched;
}

absl::StatusOr<CommitInfo> HostAgent::Describe(const std::string& service,
                                               const std::string& revision,
                                               std::stop_token stop) const {
  auto controller = Find(service);
  if (!controller.ok()) return controller.status();
  const ServiceSpec& spec = (*controller)->spec();
  return options_.drivers->UpstreamFor(spec)->Describe(spec.branch, revision, stop);
}

void HostAgent::RequestStop() {
  hub_.Close();
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  for (const auto& controller : All()) controller->RequestStop();
}

void HostAgent::Stop() {
  RequestStop();
  MutexLock configure(configure_mutex_);
  std::map<std::string, Managed> services;
  {
    MutexLock lock(mutex_);
    services = services_;
  }
  for (const auto& [service, managed] : services) managed.controller->RequestStop();
  for (const auto& [service, managed] : services) {
    Halt(service, managed);
    Forget(service);
  }
}

}  // namespace gitops
