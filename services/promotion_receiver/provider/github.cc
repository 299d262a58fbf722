// https://docs.github.com/en/rest/pulls/pulls

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/promotion_receiver/provider/provider_api.h"

namespace gitops {
namespace {

class Github final : public ProviderApi {
 public:
  std::vector<std::pair<std::string, std::string>> Headers() const override {
    return {{"Accept", "application/vnd.github+json"}, {"X-GitHub-Api-Version", "2022-11-28"}};
  }

  std::vector<std::string> Lists(const RepositoryAddress& repository,
                                 const PullRequestBranches& branches) const override {
    return {absl::StrCat(repository.api, "/pulls?state=all&head=", repository.owner, ":",
                         UrlEncoded(branches.branch), "&base=", UrlEncoded(branches.base),
                         "&sort=created&direction=desc&per_page=100&page=PAGE")};
  }

  std::optional<PullRequest> Read(const RepositoryAddress& repository,
                                  const PullRequestBranches& branches,
                                  const Json& element) const override {
    // A head that GitHub does not understand is ignored, and forks have the same branches.
    if (TextAt(element, {"head", "ref"}) != branches.branch ||
        TextAt(element, {"base", "ref"}) != branches.base ||
        !absl::EqualsIgnoreCase(TextAt(element, {"head", "repo", "full_name"}),
                                absl::StrCat(repository.owner, "/", repository.name))) {
      return std::nullopt;
    }
    PullRequest found{.id = TextAt(element, {"number"}),
                      .title = TextAt(element, {"title"}),
                      .url = TextAt(element, {"html_url"})};
    if (TextAt(element, {"state"}) != "open") {
      found.state = TextAt(element, {"merged_at"}).empty() ? PullRequest::State::kClosed
                                                           : PullRequest::State::kMerged;
    }
    return found;
  }

  std::string CreateUrl(const RepositoryAddress& repository) const override {
    return repository.api + "/pulls";
  }
  Json CreateBody(const RepositoryAddress&, const PullRequestBranches& branches,
                  const std::string& title, const std::string& description) const override {
    return {{"title", title},
            {"body", description},
            {"head", branches.branch},
            {"base", branches.base}};
  }
  std::string UpdateUrl(const RepositoryAddress& repository, const std::string& id) const override {
    return absl::StrCat(repository.api, "/pulls/", id);
  }
};

}  // namespace

const ProviderApi& GithubApi() {
  static const auto* const api = new Github();
  return *api;
}

}  // namespace gitops
