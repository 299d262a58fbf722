#ifndef GITOPS_GATEWAY_GIT_WEBHOOKS_PUSH_EVENT_H_
#define GITOPS_GATEWAY_GIT_WEBHOOKS_PUSH_EVENT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/http/message.h"
#include "common/log/secret.h"
#include "common/program_config/webhooks_config.h"

namespace gitops {

// A branch of a repository that has moved.
struct Push {
  std::vector<std::string> repositories;  // RepositoryKey() of each of its URLs, sorted
  std::string branch;

  auto operator<=>(const Push&) const = default;
};

// UNAUTHENTICATED: the request does not prove that its sender knows `secret`, by the provider's
// means: X-Hub-Signature-256 (github), X-Gitlab-Token or webhook-signature (gitlab),
// X-Gitea-Signature, X-Hub-Signature (bitbucket-server), basic authentication (azure-devops),
// X-Signature (generic). The comparison takes constant time. `now`: for signatures of the time.
absl::Status VerifyWebhook(GitProvider provider, const HttpServerRequest& request,
                           const Secret& secret, absl::Time now);

// The pushes of a verified webhook; empty for pings, tags, deletions and other events.
// INVALID_ARGUMENT: the body is not JSON, or a push without the URL of its repository.
absl::StatusOr<std::vector<Push>> ReadPushes(GitProvider provider,
                                             const HttpServerRequest& request);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_GIT_WEBHOOKS_PUSH_EVENT_H_
