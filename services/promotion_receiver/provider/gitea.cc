// https://docs.gitea.com/api: /repos/{owner}/{repo}/pulls

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/promotion_receiver/provider/provider_api.h"

namespace gitops {
namespace {

class Gitea final : public ProviderApi {
 public:
  std::pair<std::string, std::string> TokenHeader(const std::string& token) const override {
    return {"Authorization", "token " + token};
  }

  // It cannot filter by branch. The open ones first; of the closed ones those that changed last.
  std::vector<std::string> Lists(const RepositoryAddress& repository,
                                 const PullRequestBranches&) const override {
    return {
        absl::StrCat(repository.api, "/pulls?state=open&limit=50&page=PAGE"),
        absl::StrCat(repository.api, "/pulls?state=closed&sort=recentupdate&limit=50&page=PAGE")};
  }
  int page_size() const override { return 50; }

  std::optional<PullRequest> Read(const RepositoryAddress& repository,
                                  const PullRequestBranches& branches,
                                  const Json& element) const override {
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
      const bool merged = element.contains("merged") && element["merged"] == true;
      found.state = merged ? PullRequest::State::kMerged : PullRequest::State::kClosed;
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

const ProviderApi& GiteaApi() {
  static const auto* const api = new Gitea();
  return *api;
}

}  // namespace gitops
