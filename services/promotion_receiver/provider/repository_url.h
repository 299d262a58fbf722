#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PROVIDER_REPOSITORY_URL_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PROVIDER_REPOSITORY_URL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/promotion_receiver/pipeline/pipeline.h"

namespace gitops {

using Provider = PullRequestStrategy::Provider;

// "GitHub", "Azure DevOps".
absl::string_view NameOf(Provider provider);

// Where a provider has a repository, from the URL with which git clones it.
struct RepositoryAddress {
  std::string clone_url;  // over HTTP(S), without user and password
  std::string api;        // of the repository: "https://api.github.com/repos/acme/shop"
  std::string web;        // its page, for people
  std::string owner;      // GitHub, Gitea: the owner; Bitbucket Server: the key of the project
  std::string name;
};

// `url` is https://…, http://…, ssh://… or user@host:path, whose user and password are ignored. The
// API of a host is at the provider's usual place beneath it:
// docs/reference/promotion-strategies.md. An ssh URL stands for https:// without a port.
// INVALID_ARGUMENT: it names no repository of this provider.
absl::StatusOr<RepositoryAddress> AddressOf(Provider provider, const std::string& url);

// `text` as one segment of a URL's path, or a value in its query.
std::string UrlEncoded(absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PROVIDER_REPOSITORY_URL_H_
