#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/clock/timestamp.h"
#include "common/json/json.h"
#include "common/sync/mutex.h"
#include "common/sync/start_thread.h"
#include "common/text/plural.h"
#include "ctl/client_options.h"
#include "ctl/commands/fleet_commands.h"
#include "ctl/commands/patience.h"
#include "ctl/commands/selected.h"
#include "ctl/failure.h"
#include "ctl/output/deployment_text.h"
#include "ctl/output/document.h"
#include "ctl/output/escape.h"
#include "ctl/output/fleet_text.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {
namespace {

// As many as anybody looks through.
constexpr size_t kMostEvents = 100;
constexpr int kMostDeployments = 50;

// One thing that happened to a host, service or deployment.
struct Event {
  absl::Time time;
  std::string type;  // "host", "service", "deployment"
  std::string name;  // "web1", "web1/app", a deployment's id
  std::string what;  // in words
  Json resource;     // as it is since then
};

Json Tree(const google::protobuf::Message& message) {
  const absl::StatusOr<Json> tree = ToJson(message);
  return tree.ok() ? *tree : Json();
}

absl::Time TimeOr(bool is_set, const google::protobuf::Timestamp& time, absl::Time otherwise) {
  return is_set ? FromTimestamp(time) : otherwise;
}

Event Of(const v1::Host& host, absl::Time now) {
  std::string what = HostStateText(host.state(), false);
  if (host.has_failed_health()) {
    absl::StrAppend(&what, ", failed its health checks: ", host.failed_health().message());
  }
  if (host.has_lock()) absl::StrAppend(&what, ", locked by deployment ", host.lock().deployment());
  if (!host.config().fault().empty()) {
    absl::StrAppend(&what, ", its config is not in force: ", host.config().fault());
  }
  return {TimeOr(host.has_state_time(), host.state_time(), now), "host", host.host(), what,
          Tree(host)};
}

Event Of(const v1::Service& service, absl::Time now) {
  std::string what = absl::StrCat(StateText(service.state()), " at ", ShortHash(service.hash()));
  if (service.has_commit()) absl::StrAppend(&what, " \"", service.commit().subject(), "\"");
  if (!service.state_info().empty()) absl::StrAppend(&what, ": ", service.state_info());
  return {TimeOr(service.has_change_time(), service.change_time(), now), "service",
          absl::StrCat(service.host(), "/", service.service()), what, Tree(service)};
}

std::string DoneText(const v1::Deployment& deployment) {
  return absl::StrCat(CountedOf(deployment.succeeded_count(), deployment.host_count(), "host"),
                      " done");
}

Event Begun(const v1::Deployment& deployment, absl::Time now) {
  const std::string what = absl::StrCat("created by ", deployment.actor(), ": ",
                                        ActionsText(deployment.spec().actions()));
  return {TimeOr(deployment.has_create_time(), deployment.create_time(), now), "deployment",
          deployment.id(), what, Tree(deployment)};
}

Event Of(const v1::Deployment& deployment, absl::Time now) {
  std::string what =
      absl::StrCat(DeploymentStateText(deployment.state()), ", ", DoneText(deployment));
  if (!deployment.message().empty()) absl::StrAppend(&what, ": ", deployment.message());
  if (!deployment.cause().empty()) absl::StrAppend(&what, ": ", deployment.cause());
  return {TimeOr(deployment.has_end_time(), deployment.end_time(), now), "deployment",
          deployment.id(), what, Tree(deployment)};
}

std::string TimeOf(const Event& event) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", event.time, absl::UTCTimeZone());
}

Json TreeOf(const Event& event, bool removed) {
  return {{"time", TimeOf(event)}, {"type", event.type}, {"name", event.name},
          {"message", event.what}, {"removed", removed}, {event.type, event.resource}};
}

void Print(FleetContext& context, const Event& event, bool removed = false) {
  const Json tree = TreeOf(event, removed);
  std::ostream& out = context.console.out;
  switch (context.invocation.flags.output) {
    case OutputForm::kJson:
      out << JsonLine(tree);
      break;
    case OutputForm::kYaml:
      out << "---\n" << YamlText(tree);
      break;
    case OutputForm::kName:
      out << EscapeLine(event.name) << "\n";
      break;
    default:
      out << TimeOf(event) << " " << event.type << " " << EscapeLine(event.name) << ": "
          << (removed ? "removed" : EscapeLine(event.what)) << "\n";
  }
  out << std::flush;
}

// A list, as the other lists are: `{"events":[…]}`. A watch has one document for each event.
void PrintList(FleetContext& context, const std::vector<Event>& events) {
  const OutputForm form = context.invocation.flags.output;
  if (context.invocation.flags.watch || (form != OutputForm::kJson && form != OutputForm::kYaml)) {
    for (const Event& event : events) Print(context, event);
    return;
  }
  Json list = Json::array();
  for (const Event& event : events) list.push_back(TreeOf(event, false));
  const Json tree = {{"events", list}};
  context.console.out << (form == OutputForm::kJson ? JsonText(tree) : YamlText(tree))
                      << std::flush;
}

// Deployments are of the whole fleet, or of the one host that is selected.
bool ShowsDeployments(const FleetContext& context) {
  return !Narrows(context.selection()) || SelectsOneHost(context.selection());
}

v1::DeploymentFilter FilterFor(const FleetContext& context) {
  v1::DeploymentFilter filter;
  if (SelectsOneHost(context.selection())) filter.set_host(context.selection().on(0));
  return filter;
}

absl::StatusOr<std::vector<Event>> RecentEvents(FleetContext& context) {
  const absl::Time now = absl::Now();
  std::vector<Event> events;
  const auto hosts = context.planner.ListHosts(context.selection());
  if (!hosts.ok()) return hosts.status();
  for (const v1::Host& host : *hosts) {
    if (host.has_state_time()) events.push_back(Of(host, now));
  }
  const auto services = context.planner.ListServices(context.selection(), "");
  if (!services.ok()) return services.status();
  for (const v1::Service& service : *services) {
    if (service.has_change_time()) events.push_back(Of(service, now));
  }
  if (ShowsDeployments(context)) {
    const auto deployments = context.planner.ListDeployments(FilterFor(context), kMostDeployments);
    if (!deployments.ok()) return deployments.status();
    for (const v1::Deployment& deployment : *deployments) {
      events.push_back(Begun(deployment, now));
      if (deployment.has_end_time()) events.push_back(Of(deployment, now));
    }
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const Event& a, const Event& b) { return a.time < b.time; });
  return events;
}

// Prints what changes after `recent`, from two watches side by side.
class EventWatch {
 public:
  EventWatch(FleetContext& context, const std::vector<Event>& recent) : context_(context) {
    for (const Event& event : recent) known_[KeyOf(event)] = event.what;
  }

  absl::StatusOr<ExitCode> Run() {
    Caller caller = ClientOptionsFor("", context_.invocation.flags, context_.console).caller;
    caller.give_up = [this] { return over_.load(); };
    PlannerClient planner = context_.planner.For(caller);
    std::thread beside;
    std::ostream silent(nullptr);  // the other watch tells when the planner goes away
    if (ShowsDeployments(context_)) {
      absl::StatusOr<std::thread> started = StartThread("watch deployments", [&] {
        Follow(planner, silent,
               [&](bool& answered) { return WatchDeployments(planner, answered); });
      });
      if (!started.ok()) return started.status();
      beside = *std::move(started);
    }
    Follow(planner, context_.console.err,
           [&](bool& answered) { return WatchFleet(planner, answered); });
    if (beside.joinable()) beside.join();
    MutexLock lock(mutex_);
    return EndOfWatch(absl::OkStatus(), result_);
  }

 private:
  static std::string KeyOf(const Event& event) { return absl::StrCat(event.type, " ", event.name); }

  // The first end for good ends both watches.
  void Follow(const PlannerClient& planner, std::ostream& err,
              std::function<absl::Status(bool& answered)> watch) {
    const absl::Status ended = WatchPatiently(
        {.server = "planner",
         .err = err,
         .watch = std::move(watch),
         .ever_answered = true,
         .remaining = [&] { return over_ ? absl::ZeroDuration() : planner.Remaining(); }});
    MutexLock lock(mutex_);
    if (!over_) result_ = ended;
    over_ = true;
  }

  absl::Status WatchFleet(PlannerClient& planner, bool& answered) {
    v1::WatchFleetRequest request;
    *request.mutable_selection() = context_.selection();
    return planner.WatchFleet(request, [&](const v1::WatchFleetResponse& update) {
      answered = true;
      if (update.has_host()) return Take(Of(update.host(), absl::Now()), update);
      if (update.has_service()) return Take(Of(update.service(), absl::Now()), update);
      fleet_begun_ = fleet_begun_ || update.initial_done();
      return true;
    });
  }
  absl::Status WatchDeployments(PlannerClient& planner, bool& answered) {
    v1::WatchDeploymentsRequest request;
    *request.mutable_filter() = FilterFor(context_);
    return planner.WatchDeployments(request, [&](const v1::WatchDeploymentsResponse& update) {
      answered = true;
      if (update.has_deployment()) return Take(Of(update.deployment(), absl::Now()), update);
      deployments_begun_ = deployments_begun_ || update.initial_done();
      return true;
    });
  }

  bool Take(const Event& event, const v1::WatchFleetResponse& update) {
    return Take(event, update.removed(), update.initial_done(), fleet_begun_);
  }
  bool Take(const Event& event, const v1::WatchDeploymentsResponse& update) {
    return Take(event, update.removed(), update.initial_done(), deployments_begun_);
  }
  // Prints what is new. What there was when the first watch began is new only if it is known to
  // have been different before.
  bool Take(const Event& event, bool removed, bool initial_done, bool& begun) {
    MutexLock lock(mutex_);
    const auto known = known_.find(KeyOf(event));
    const bool news = removed || (known == known_.end() ? begun : known->second != event.what);
    begun = begun || initial_done;
    if (removed) {
      known_.erase(KeyOf(event));
    } else {
      known_[KeyOf(event)] = event.what;
    }
    if (news) Print(context_, event, removed);
    // A reader that has gone (`| head`) ends the watch.
    return context_.console.out.good();
  }

  FleetContext& context_;
  std::atomic<bool> over_ = false;
  Mutex mutex_;
  absl::Status result_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> known_;  // what was last seen, by KeyOf
  // Each is of one of the two watches.
  bool fleet_begun_ = false, deployments_begun_ = false;
};

}  // namespace

absl::StatusOr<ExitCode> FleetEvents(FleetContext& context) {
  if (absl::Status s = RequireHosts(context); !s.ok()) return s;
  const absl::StatusOr<std::vector<Event>> events = RecentEvents(context);
  if (!events.ok()) return events.status();
  const size_t skipped = events->size() > kMostEvents ? events->size() - kMostEvents : 0;
  PrintList(context, {events->begin() + static_cast<ptrdiff_t>(skipped), events->end()});
  return context.invocation.flags.watch ? EventWatch(context, *events).Run() : kDone;
}

}  // namespace gitops::ctl
