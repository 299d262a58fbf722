#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PROVIDER_PULL_REQUESTS_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PROVIDER_PULL_REQUESTS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/log/secret.h"
#include "services/promotion_receiver/provider/repository_url.h"

namespace gitops {

struct PullRequest {
  enum class State { kOpen, kMerged, kClosed };
  std::string id;
  std::string title;  // without the provider's prefix of a draft
  std::string url;    // for people
  State state = State::kOpen;
};

// From a branch into another one of the same repository.
struct PullRequestBranches {
  std::string branch, base;
};

// The pull requests of one repository. For the errors see StatusOfAnswer and StatusOfExchange;
// CANCELLED: given up.
class PullRequests {
 public:
  virtual ~PullRequests() = default;
  // Those between the two branches, newest first: all that are open, and the newest ones of the
  // others.
  virtual absl::StatusOr<std::vector<PullRequest>> List(const PullRequestBranches& branches) = 0;
  // FAILED_PRECONDITION also: there is one already, or the branches do not differ.
  virtual absl::StatusOr<PullRequest> Open(const PullRequestBranches& branches,
                                           const std::string& title,
                                           const std::string& description) = 0;
  virtual absl::Status SetTitle(const PullRequest& pull_request, const std::string& title) = 0;
};

// A token, else a user with a password.
struct ProviderLogin {
  Secret token, username, password;
};

struct PullRequestsOptions {
  Provider provider = Provider::kGithub;
  RepositoryAddress address;
  ProviderLogin login;
  std::string ca_file;         // see HttpRequest
  HttpClient* http = nullptr;  // must outlive it
  Clock* clock = Clock::System();
  absl::Duration timeout = absl::Seconds(30);  // of each request
  std::function<bool()> give_up;               // see HttpRequest
};

std::unique_ptr<PullRequests> NewPullRequests(PullRequestsOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PROVIDER_PULL_REQUESTS_H_
