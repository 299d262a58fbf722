#include "gateway/git_webhooks/push_puller.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/log/log.h"
#include "common/program_config/repository_key.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

// The API's limit of Selection.on.
constexpr size_t kMostHosts = 1000;

bool Follows(const v1::Service& service, const Push& push) {
  return service.branch() == push.branch &&
         std::binary_search(push.repositories.begin(), push.repositories.end(),
                            RepositoryKey(service.upstream()));
}

}  // namespace

PushPuller::PushPuller(const PlannerClient& planner, PushPullerOptions options)
    : planner_(planner), options_(options) {
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Run(); });
}

PushPuller::~PushPuller() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

absl::Status PushPuller::Add(const std::vector<Push>& pushes) {
  MutexLock lock(mutex_);
  if (waiting_.size() + pushes.size() > options_.most_waiting) {
    return MakeError(Reason::kTooManyCalls, "too many pushes are waiting; try again later");
  }
  waiting_.insert(pushes.begin(), pushes.end());
  changed_.NotifyAll();
  return absl::OkStatus();
}

void PushPuller::Run() {
  while (const std::optional<Push> push = Take()) {
    Look(*push);
    MutexLock lock(mutex_);
    looking_.erase(*push);
    changed_.NotifyAll();
  }
}

std::optional<Push> PushPuller::Take() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    for (const Push& push : waiting_) {
      if (looking_.contains(push)) continue;
      Push taken = push;
      waiting_.erase(taken);
      looking_.insert(taken);
      return taken;
    }
    changed_.Wait(mutex_);
  }
  return std::nullopt;
}

void PushPuller::Look(const Push& push) {
  const auto services = Planner().ListServices({}, "");
  if (!services.ok()) {
    LogWarning("a push cannot be passed on: the planner does not list the services",
               {{"repository", absl::StrJoin(push.repositories, ", ")},
                {"branch", push.branch},
                {"error", std::string(services.status().message())}});
    return;
  }
  std::map<std::string, std::vector<std::string>> hosts;  // by service
  for (const v1::Service& service : *services) {
    if (Follows(service, push)) hosts[service.service()].push_back(service.host());
  }
  LogInfo("push", {{"repository", absl::StrJoin(push.repositories, ", ")},
                   {"branch", push.branch},
                   {"services", absl::StrCat(hosts.size())}});
  for (const auto& [service, names] : hosts) {
    for (size_t i = 0; i < names.size(); i += kMostHosts) {
      const size_t end = std::min(names.size(), i + kMostHosts);
      Pull(service, {names.begin() + static_cast<ptrdiff_t>(i),
                     names.begin() + static_cast<ptrdiff_t>(end)});
    }
  }
}

void PushPuller::Pull(const std::string& service, const std::vector<std::string>& hosts) {
  v1::PullServicesRequest request;
  request.set_service(service);
  request.mutable_selection()->mutable_on()->Add(hosts.begin(), hosts.end());
  const auto outcomes = Planner().Pull(request, [&](const v1::HostOutcome& outcome) {
    if (outcome.code() == 0) return;
    LogInfo("a service did not take up a push",
            {{"host", outcome.host()}, {"service", service}, {"error", outcome.message()}});
  });
  if (outcomes.ok()) return;
  LogWarning("a push cannot be passed on",
             {{"service", service}, {"error", std::string(outcomes.status().message())}});
}

PlannerClient PushPuller::Planner() const {
  return planner_.For({.user = "the gateway", .on_behalf_of = "a git webhook", .give_up = [this] {
                         return stopping_.load();
                       }});
}

}  // namespace gitops
