// https://docs.gitlab.com/ee/api/merge_requests.html

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/promotion_receiver/provider/provider_api.h"

namespace gitops {
namespace {

constexpr absl::string_view kDraft = "Draft: ";

class Gitlab final : public ProviderApi {
 public:
  std::vector<std::string> Lists(const RepositoryAddress& repository,
                                 const PullRequestBranches& branches) const override {
    return {absl::StrCat(repository.api, "/merge_requests?scope=all&source_branch=",
                         UrlEncoded(branches.branch), "&target_branch=", UrlEncoded(branches.base),
                         "&order_by=created_at&sort=desc&per_page=100&page=PAGE")};
  }

  std::optional<PullRequest> Read(const RepositoryAddress&, const PullRequestBranches& branches,
                                  const Json& element) const override {
    // Forks have the same branches.
    if (TextAt(element, {"source_branch"}) != branches.branch ||
        TextAt(element, {"target_branch"}) != branches.base ||
        TextAt(element, {"source_project_id"}) != TextAt(element, {"target_project_id"})) {
      return std::nullopt;
    }
    const std::string title = TextAt(element, {"title"});
    PullRequest found{.id = TextAt(element, {"iid"}),
                      .title = std::string(absl::StripPrefix(title, kDraft)),
                      .url = TextAt(element, {"web_url"})};
    const std::string state = TextAt(element, {"state"});
    if (state == "closed") found.state = PullRequest::State::kClosed;
    // "locked": it is being merged.
    if (state == "merged" || state == "locked") found.state = PullRequest::State::kMerged;
    return found;
  }

  std::string CreateUrl(const RepositoryAddress& repository) const override {
    return repository.api + "/merge_requests";
  }
  Json CreateBody(const RepositoryAddress&, const PullRequestBranches& branches,
                  const std::string& title, const std::string& description) const override {
    return {{"source_branch", branches.branch},
            {"target_branch", branches.base},
            {"title", title},
            {"description", description}};
  }

  std::string update_method() const override { return "PUT"; }
  std::string UpdateUrl(const RepositoryAddress& repository, const std::string& id) const override {
    return absl::StrCat(repository.api, "/merge_requests/", id);
  }
  // The title says whether it is a draft.
  bool update_needs_current() const override { return true; }
  Json UpdateBody(const std::string& title, const Json& current) const override {
    const bool draft =
        absl::string_view(TextAt(current, {"title"})).substr(0, kDraft.size()) == kDraft;
    return {{"title", absl::StrCat(draft ? kDraft : "", title)}};
  }
};

}  // namespace

const ProviderApi& GitlabApi() {
  static const auto* const api = new Gitlab();
  return *api;
}

}  // namespace gitops
