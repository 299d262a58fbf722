// https://learn.microsoft.com/rest/api/azure/devops/git/pull-requests

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/promotion_receiver/provider/provider_api.h"

namespace gitops {
namespace {

// Of Azure DevOps Server 2020 and later.
constexpr char kVersion[] = "api-version=6.0";

std::string RefOf(const std::string& branch) { return absl::StrCat("refs/heads/", branch); }

class AzureDevops final : public ProviderApi {
 public:
  // A personal access token is the password of an empty user.
  std::pair<std::string, std::string> TokenHeader(const std::string& token) const override {
    return {"Authorization", "Basic " + absl::Base64Escape(":" + token)};
  }

  // Newest first; one page of those of two branches is enough.
  std::vector<std::string> Lists(const RepositoryAddress& repository,
                                 const PullRequestBranches& branches) const override {
    return {absl::StrCat(repository.api, "/pullrequests?searchCriteria.sourceRefName=",
                         UrlEncoded(RefOf(branches.branch)),
                         "&searchCriteria.targetRefName=", UrlEncoded(RefOf(branches.base)),
                         "&searchCriteria.status=all&$top=100&", kVersion)};
  }
  std::string elements() const override { return "value"; }

  std::optional<PullRequest> Read(const RepositoryAddress& repository,
                                  const PullRequestBranches& branches,
                                  const Json& element) const override {
    if (TextAt(element, {"sourceRefName"}) != RefOf(branches.branch) ||
        TextAt(element, {"targetRefName"}) != RefOf(branches.base) ||
        element.contains("forkSource")) {
      return std::nullopt;
    }
    PullRequest found{.id = TextAt(element, {"pullRequestId"}),
                      .title = TextAt(element, {"title"})};
    found.url = absl::StrCat(repository.web, "/pullrequest/", found.id);
    const std::string status = TextAt(element, {"status"});
    if (status == "abandoned") found.state = PullRequest::State::kClosed;
    if (status == "completed") found.state = PullRequest::State::kMerged;
    return found;
  }

  std::string CreateUrl(const RepositoryAddress& repository) const override {
    return absl::StrCat(repository.api, "/pullrequests?", kVersion);
  }
  Json CreateBody(const RepositoryAddress&, const PullRequestBranches& branches,
                  const std::string& title, const std::string& description) const override {
    return {{"sourceRefName", RefOf(branches.branch)},
            {"targetRefName", RefOf(branches.base)},
            {"title", title},
            {"description", description}};
  }
  std::string UpdateUrl(const RepositoryAddress& repository, const std::string& id) const override {
    return absl::StrCat(repository.api, "/pullrequests/", id, "?", kVersion);
  }
};

}  // namespace

const ProviderApi& AzureDevopsApi() {
  static const auto* const api = new AzureDevops();
  return *api;
}

}  // namespace gitops
