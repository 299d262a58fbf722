#include "ctl/commands/follow.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/retry/backoff.h"
#include "common/rpc/error.h"
#include "ctl/commands/patience.h"
#include "ctl/output/deployment_text.h"

namespace gitops::ctl {
namespace {

// Watches in a row that end with RESOURCE_EXHAUSTED before that is taken for final: a message that
// is too large stays so.
constexpr int kMostExhausted = 6;

bool IsExhausted(const absl::Status& status) {
  return HasReason(status, Reason::kResourceExhausted);
}

class Follower {
 public:
  Follower(PlannerClient& planner, const std::string& id, const FollowOptions& options)
      : planner_(planner), options_(options) {
    request_.set_id(id);
  }

  absl::StatusOr<std::optional<v1::Deployment>> Run() {
    while (true) {
      absl::Status status = WatchOnce();
      if (!wanted_) return std::nullopt;
      if (ended_) {
        absl::StatusOr<v1::Deployment> whole = planner_.GetDeployment(request_.id());
        if (whole.ok()) return Complete(*std::move(whole));
        status = whole.status();
        if (IsExhausted(status)) return WhatWasSeen(status);
        if (!MayHelpToRetry(status)) return status;
      } else if (!MayHelpToRetry(status) || (!answered_ever_ && !options_.patient_at_first)) {
        return status;
      }
      exhausted_ = IsExhausted(status) ? exhausted_ + 1 : 0;
      if (exhausted_ >= kMostExhausted) return status;
      if (absl::Status paused = Pause(status); !paused.ok()) return paused;
    }
  }

 private:
  absl::Status WatchOnce() {
    bool initial_done = false;
    ended_ = false;
    return planner_.WatchDeployment(request_, [&](const v1::WatchDeploymentResponse& update) {
      answered_ever_ = true;
      outages_ = 0;
      told_outage_ = false;
      if (!update.resume_token().empty()) request_.set_resume_token(update.resume_token());
      initial_done = initial_done || update.initial_done();
      if (update.has_deployment()) {
        ended_ = HasEnded(update.deployment().state());
        v1::Deployment now = update.deployment();
        now.mutable_hosts()->Swap(seen_.mutable_hosts());
        seen_ = std::move(now);
      }
      if (update.has_host()) Keep(update.host());
      wanted_ = options_.seen(update);
      return wanted_ && !(ended_ && initial_done);
    });
  }

  // Hosts whose last change came after the end of the watch are shown too.
  std::optional<v1::Deployment> Complete(v1::Deployment whole) {
    for (const v1::HostDeployment& host : whole.hosts()) {
      const auto known = hosts_.find(host.host());
      if (known != hosts_.end() && seen_.hosts(known->second).state() == host.state()) continue;
      v1::WatchDeploymentResponse update;
      *update.mutable_host() = host;
      if (!options_.seen(update)) return std::nullopt;
    }
    return whole;
  }

  // Without its steps, which may be large.
  void Keep(v1::HostDeployment host) {
    host.clear_steps();
    const auto [known, is_new] = hosts_.emplace(host.host(), seen_.hosts_size());
    v1::HostDeployment* const place =
        is_new ? seen_.add_hosts() : seen_.mutable_hosts(known->second);
    *place = std::move(host);
  }

  // Where the whole is more than this client takes, or than the planner can give.
  v1::Deployment WhatWasSeen(const absl::Status& why) {
    if (options_.note) {
      options_.note(absl::StrCat("the planner's record of it is too large to be read at once (",
                                 why.message(), "); its hosts are shown without their steps"));
    }
    return seen_;
  }

  absl::Status Pause(const absl::Status& why) {
    if (!told_outage_ && options_.note) {
      options_.note(absl::StrCat("the planner does not answer (",
                                 absl::StatusCodeToString(why.code()),
                                 "); the deployment survives that; retrying"));
    }
    told_outage_ = true;
    const absl::Duration remaining = planner_.Remaining();
    if (remaining <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError("it did not end within --timeout");
    }
    absl::SleepFor(std::min(kWatchBackoff.After(++outages_), remaining));
    return absl::OkStatus();
  }

  PlannerClient& planner_;
  const FollowOptions& options_;
  v1::WatchDeploymentRequest request_;  // goes on after what was seen
  int outages_ = 0;                     // in a row
  bool answered_ever_ = false;
  bool told_outage_ = false;
  bool ended_ = false;
  bool wanted_ = true;
  int exhausted_ = 0;
  // The content of the watch, with the hosts in the order of their first update.
  v1::Deployment seen_;
  std::map<std::string, int> hosts_;  // where they stand in it
};

}  // namespace

absl::StatusOr<std::optional<v1::Deployment>> FollowDeployment(PlannerClient& planner,
                                                               const std::string& id,
                                                               const FollowOptions& options) {
  return Follower(planner, id, options).Run();
}

}  // namespace gitops::ctl
