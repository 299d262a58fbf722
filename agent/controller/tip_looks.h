#ifndef GITOPS_AGENT_CONTROLLER_TIP_LOOKS_H_
#define GITOPS_AGENT_CONTROLLER_TIP_LOOKS_H_

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/controller/service_view.h"
#include "agent/source/source.h"
#include "common/git/commit.h"

namespace gitops {

// One service's part in the polls of an upstream.
struct UpstreamFollower {
  std::string ref;  // its branch
  absl::Duration poll;
  // Receives the newest revision, or an error, and the time of the next poll; and what else was
  // found of it. The note is null unless TipRounds are wanted and the revision is new. Called on
  // a thread of the scheduler, without locks held.
  std::function<void(const absl::StatusOr<std::string>& tip, absl::Time next_poll,
                     const TipLook& look, std::shared_ptr<TipNote> note)>
      on_polled;
  std::set<std::string> paths = {};  // that it publishes
  std::function<ServicePlace()> at = {};
  std::string user = {};
};
using UpstreamFollowers = std::map<std::string, UpstreamFollower>;  // by service

// Finds out what new tips of an upstream are to its services, and remembers that, so that nothing
// is asked twice. Not thread-safe.
class TipLooks {
 public:
  // `upstream` must outlive this. What it is asked ends by `stop`.
  TipLooks(Upstream* upstream, std::stop_token stop)
      : upstream_(upstream), stop_(std::move(stop)) {}

  // What new tips are to services.
  struct Looked {
    // The revision since which nothing of the service has changed, for those that follow.
    std::map<std::string, absl::StatusOr<std::string>> untouched;
    std::map<std::string, std::string> newest;  // ServiceRecord::newest, for those that do not
    std::map<std::string, CommitInfo> commits;  // by branch
    bool failed = false;                        // something is to be asked again
  };
  Looked Look(const UpstreamFollowers& followers, const Upstream::Tips& tips);

  // What failed for a reason that is not the upstream's is asked again.
  void AskAgain();
  // Of the last tip that was read; no hash: of none.
  const CommitInfo& Described(const std::string& ref) { return described_[ref]; }

 private:
  // Services that are at the same revision: one question for all of them.
  struct Group {
    std::set<std::string> paths;
    std::map<std::string, const UpstreamFollower*> followers;
  };
  using Groups = std::map<std::pair<std::string, std::string>, Group>;  // by branch and revision
  // Calls `found` for each service, with whether its branch changes something of it since the
  // revision, or why that cannot be told.
  void Compare(const Groups& groups, const Upstream::Tips& tips,
               absl::FunctionRef<void(const std::string& service, const std::string& from,
                                      const absl::StatusOr<bool>& touched)>
                   found);
  void DescribeTips(const UpstreamFollowers& followers, const Upstream::Tips& tips, Looked& looked);

  Upstream* const upstream_;
  const std::stop_token stop_;
  std::map<std::string, CommitInfo> described_;  // by branch, of the last tip that was read
  // By service, the tip to which it was compared, its own revision, and what was found.
  std::map<std::string, std::array<std::string, 3>> compared_;
  // What failed, for a reason that is not the upstream's, until it is asked for again: by service,
  // the tip and its own revision; by branch, the tip.
  std::map<std::string, std::pair<std::string, std::string>> incomparable_;
  std::map<std::string, std::string> indescribable_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_TIP_LOOKS_H_
