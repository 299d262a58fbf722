#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_PULL_REQUEST_PROMOTER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_PULL_REQUEST_PROMOTER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/log/secret.h"
#include "common/process/process.h"
#include "services/promotion_receiver/strategy/promoter.h"

namespace gitops {

// The values of a key of a secret that are valid now, newest first. NOT_FOUND: there is no such
// secret or key. Thread-safe.
using SecretLookup = std::function<absl::StatusOr<std::vector<Secret>>(
    const std::string& namespace_, const std::string& secret, const std::string& key)>;

struct PullRequestPromoterOptions {
  std::string directory;            // for repositories while they are edited; emptied at the start
  ProcessRunner* runner = nullptr;  // this and `http` must outlive it
  HttpClient* http = nullptr;
  SecretLookup secret;
  Clock* clock = Clock::System();
  absl::Duration timeout = absl::Seconds(30);  // of each request to a provider
};

// Sets the version in the repository of the pipeline's pull-request strategy, on the branch
// promotion-NAMESPACE-NAME-ENVIRONMENT, and opens a pull request, or gives the open one the new
// title. Done when it is open, or when the base branch has the version already; rejected when a
// person has closed the one of this version without merging it (a replay opens a new one).
//
// Logs in with the newest token of the secret; if the repository refuses it, with those that it has
// replaced and that are still valid; then with user and password in the same way.
//
// FAILED_PRECONDITION also: no file has a marker of the environment; the branch has a commit that
// is not of a promotion; the remote refuses the push.
std::unique_ptr<Promoter> NewPullRequestPromoter(PullRequestPromoterOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_PULL_REQUEST_PROMOTER_H_
