// https://developer.atlassian.com/server/bitbucket/rest/: pull-requests

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/promotion_receiver/provider/provider_api.h"

namespace gitops {
namespace {

std::string RefOf(const std::string& branch) { return absl::StrCat("refs/heads/", branch); }

bool IsIn(const RepositoryAddress& repository, const Json& element, const std::string& side) {
  return absl::EqualsIgnoreCase(TextAt(element, {side, "repository", "slug"}), repository.name) &&
         absl::EqualsIgnoreCase(TextAt(element, {side, "repository", "project", "key"}),
                                repository.owner);
}

Json Side(const RepositoryAddress& repository, const std::string& branch) {
  return {{"id", RefOf(branch)},
          {"repository", {{"slug", repository.name}, {"project", {{"key", repository.owner}}}}}};
}

class BitbucketServer final : public ProviderApi {
 public:
  // Its pages are marked by an offset, but one page of those of one branch is enough.
  std::vector<std::string> Lists(const RepositoryAddress& repository,
                                 const PullRequestBranches& branches) const override {
    return {absl::StrCat(repository.api, "/pull-requests?direction=OUTGOING&at=",
                         UrlEncoded(RefOf(branches.branch)), "&state=ALL&order=NEWEST&limit=100")};
  }
  std::string elements() const override { return "values"; }

  std::optional<PullRequest> Read(const RepositoryAddress& repository,
                                  const PullRequestBranches& branches,
                                  const Json& element) const override {
    if (TextAt(element, {"fromRef", "id"}) != RefOf(branches.branch) ||
        TextAt(element, {"toRef", "id"}) != RefOf(branches.base) ||
        !IsIn(repository, element, "fromRef") || !IsIn(repository, element, "toRef")) {
      return std::nullopt;
    }
    PullRequest found{.id = TextAt(element, {"id"}), .title = TextAt(element, {"title"})};
    found.url = absl::StrCat(repository.web, "/pull-requests/", found.id);
    const std::string state = TextAt(element, {"state"});
    if (state == "DECLINED") found.state = PullRequest::State::kClosed;
    if (state == "MERGED") found.state = PullRequest::State::kMerged;
    return found;
  }

  std::string CreateUrl(const RepositoryAddress& repository) const override {
    return repository.api + "/pull-requests";
  }
  Json CreateBody(const RepositoryAddress& repository, const PullRequestBranches& branches,
                  const std::string& title, const std::string& description) const override {
    return {{"title", title},
            {"description", description},
            {"fromRef", Side(repository, branches.branch)},
            {"toRef", Side(repository, branches.base)}};
  }

  std::string update_method() const override { return "PUT"; }
  std::string UpdateUrl(const RepositoryAddress& repository, const std::string& id) const override {
    return absl::StrCat(repository.api, "/pull-requests/", id);
  }
  bool update_needs_current() const override { return true; }
  // What is left out is removed. The version makes an update fail that would undo another one.
  Json UpdateBody(const std::string& title, const Json& current) const override {
    Json body = {{"title", title}};
    for (const char* member : {"version", "description"}) {
      if (current.contains(member)) body[member] = current[member];
    }
    body["reviewers"] = Json::array();
    if (!current.contains("reviewers") || !current["reviewers"].is_array()) return body;
    for (const Json& reviewer : current["reviewers"]) {
      body["reviewers"].push_back({{"user", {{"name", TextAt(reviewer, {"user", "name"})}}}});
    }
    return body;
  }
};

}  // namespace

const ProviderApi& BitbucketServerApi() {
  static const auto* const api = new BitbucketServer();
  return *api;
}

}  // namespace gitops
