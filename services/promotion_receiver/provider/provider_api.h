#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PROVIDER_PROVIDER_API_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PROVIDER_PROVIDER_API_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/json/json.h"
#include "services/promotion_receiver/provider/pull_requests.h"

namespace gitops {

// How a provider's API speaks of pull requests: values, no I/O. All of them list, create and change
// JSON objects beneath the address of the repository; they differ in names.
class ProviderApi {
 public:
  virtual ~ProviderApi() = default;

  // Headers beside Authorization for a user with a password.
  virtual std::vector<std::pair<std::string, std::string>> Headers() const { return {}; }
  // The header for a login that is only a token.
  virtual std::pair<std::string, std::string> TokenHeader(const std::string& token) const {
    return {"Authorization", "Bearer " + token};
  }

  // The URL of each list that is read; "PAGE" in it stands for the number of the page, from 1.
  virtual std::vector<std::string> Lists(const RepositoryAddress& repository,
                                         const PullRequestBranches& branches) const = 0;
  virtual int page_size() const { return 100; }
  // The member of a list's answer that has the elements; empty: the answer is the list.
  virtual std::string elements() const { return ""; }
  // None: of other branches, of another repository, or not understood.
  virtual std::optional<PullRequest> Read(const RepositoryAddress& repository,
                                          const PullRequestBranches& branches,
                                          const Json& element) const = 0;

  virtual std::string CreateUrl(const RepositoryAddress& repository) const = 0;
  virtual Json CreateBody(const RepositoryAddress& repository, const PullRequestBranches& branches,
                          const std::string& title, const std::string& description) const = 0;

  virtual std::string update_method() const { return "PATCH"; }
  virtual std::string UpdateUrl(const RepositoryAddress& repository,
                                const std::string& id) const = 0;
  // An update replaces everything, so that it is read first; and again where it has changed since
  // (409).
  virtual bool update_needs_current() const { return false; }
  virtual Json UpdateBody(const std::string& title, const Json& current) const {
    return {{"title", title}};
  }
};

// The API of a provider; lives as long as the process.
const ProviderApi& ApiOf(Provider provider);

// For implementers: members of JSON from a provider, which may be of any form.

// The string (or the digits of a number) at a path of members; empty: there is none.
std::string TextAt(const Json& json, const std::vector<std::string>& path);

const ProviderApi& GithubApi();
const ProviderApi& GitlabApi();
const ProviderApi& BitbucketServerApi();
const ProviderApi& AzureDevopsApi();
const ProviderApi& GiteaApi();

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PROVIDER_PROVIDER_API_H_
