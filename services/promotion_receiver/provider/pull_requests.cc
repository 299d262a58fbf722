#include "services/promotion_receiver/provider/pull_requests.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/server/version.h"
#include "services/promotion_receiver/provider/answer.h"
#include "services/promotion_receiver/provider/provider_api.h"

namespace gitops {
namespace {

constexpr int64_t kMostAnswerBytes = 16 << 20;
// Of one list: 1,000 pull requests at Gitea, which cannot filter.
constexpr int kMostPages = 20;
// Updates that lose to others.
constexpr int kMostUpdates = 5;

struct Call {
  std::string method, url;
  std::string body;  // empty: none
  std::string what;  // "listing the pull requests"
};

class RestPullRequests final : public PullRequests {
 public:
  explicit RestPullRequests(PullRequestsOptions options)
      : options_(std::move(options)), api_(ApiOf(options_.provider)) {}

  absl::StatusOr<std::vector<PullRequest>> List(const PullRequestBranches& branches) override {
    std::vector<PullRequest> found;
    for (const std::string& list : api_.Lists(options_.address, branches)) {
      if (absl::Status status = ReadList(list, branches, found); !status.ok()) return status;
    }
    return found;
  }

  absl::StatusOr<PullRequest> Open(const PullRequestBranches& branches, const std::string& title,
                                   const std::string& description) override {
    const Json body = api_.CreateBody(options_.address, branches, title, description);
    const auto answer = Do({"POST", api_.CreateUrl(options_.address), body.dump(),
                            absl::StrCat("opening a pull request from ", branches.branch)});
    if (!answer.ok()) return answer.status();
    std::optional<PullRequest> opened = api_.Read(options_.address, branches, *answer);
    if (opened.has_value()) return *std::move(opened);
    return absl::UnavailableError(absl::StrCat("opening a pull request from ", branches.branch,
                                               Where(), ": the answer does not describe it"));
  }

  absl::Status SetTitle(const PullRequest& pull_request, const std::string& title) override {
    const std::string url = api_.UpdateUrl(options_.address, pull_request.id);
    const std::string what = absl::StrCat("setting the title of pull request ", pull_request.id);
    for (int updates = 1;; ++updates) {
      Json current;
      if (api_.update_needs_current()) {
        auto read = Do({"GET", url, "", what});
        if (!read.ok()) return read.status();
        current = *std::move(read);
      }
      int status = 0;
      const std::string body = api_.UpdateBody(title, current).dump();
      const auto answer = Do({api_.update_method(), url, body, what}, &status);
      if (status != 409) return answer.status();
      if (updates == kMostUpdates) return absl::AbortedError(answer.status().message());
    }
  }

 private:
  std::string Where() const {
    return absl::StrCat(" in ", options_.address.web, " (", NameOf(options_.provider), ")");
  }

  absl::Status ReadList(const std::string& list, const PullRequestBranches& branches,
                        std::vector<PullRequest>& found) {
    const bool paged = list.find("PAGE") != std::string::npos;
    for (int page = 1; page <= kMostPages; ++page) {
      const std::string url = absl::StrReplaceAll(list, {{"PAGE", absl::StrCat(page)}});
      auto answer = Do({"GET", url, "", "listing the pull requests"});
      if (!answer.ok()) return answer.status();
      const Json* elements = &*answer;
      if (!api_.elements().empty()) {
        const auto member = answer->find(api_.elements());
        if (member != answer->end()) elements = &*member;
      }
      if (!elements->is_array()) {
        return absl::UnavailableError(
            absl::StrCat("listing the pull requests", Where(), ": the answer is not a list"));
      }
      for (const Json& element : *elements) {
        if (!element.is_object()) continue;
        auto read = api_.Read(options_.address, branches, element);
        if (read.has_value()) found.push_back(*std::move(read));
      }
      if (!paged || elements->size() < static_cast<size_t>(api_.page_size())) break;
    }
    return absl::OkStatus();
  }

  std::pair<std::string, std::string> Authorization() const {
    const ProviderLogin& login = options_.login;
    if (!login.token.empty()) return api_.TokenHeader(login.token.Reveal());
    const std::string user = absl::StrCat(login.username.Reveal(), ":", login.password.Reveal());
    return {"Authorization", "Basic " + absl::Base64Escape(user)};
  }

  HttpRequest RequestOf(const Call& call) const {
    HttpRequest request;
    request.method = call.method;
    request.url = call.url;
    request.body = call.body;
    request.timeout = options_.timeout;
    request.max_body = kMostAnswerBytes;
    request.give_up = options_.give_up;
    request.ca_file = options_.ca_file;
    request.headers = api_.Headers();
    bool accepts = false;
    for (const auto& header : request.headers) accepts |= header.first == "Accept";
    if (!accepts) request.headers.emplace_back("Accept", "application/json");
    if (!call.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    request.headers.emplace_back("User-Agent",
                                 absl::StrCat("gitops-promotion-receiver/", Version()));
    request.headers.push_back(Authorization());
    return request;
  }

  // `status` may be null.
  absl::StatusOr<Json> Do(const Call& call, int* status = nullptr) {
    const Attempt attempt{.what = absl::StrCat(call.what, Where()),
                          .now = options_.clock->Now(),
                          .secrets = {options_.login.token, options_.login.password}};
    const absl::StatusOr<HttpResponse> answer = options_.http->Do(RequestOf(call));
    if (!answer.ok()) return StatusOfExchange(attempt, answer.status());
    if (status != nullptr) *status = answer->status;
    if (absl::Status bad = StatusOfAnswer(attempt, *answer); !bad.ok()) return bad;
    Json json = Json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
    if (!json.is_discarded() && (json.is_object() || json.is_array())) return json;
    // Azure DevOps answers 203 and its sign-in page instead of 401.
    if (answer->status == 203) {
      return absl::UnauthenticatedError(
          absl::StrCat(attempt.what,
                       ": the server answers with its sign-in page; the token is wrong, expired or "
                       "revoked: put a new one into the secret"));
    }
    return absl::UnavailableError(absl::StrCat(attempt.what, ": HTTP ", answer->status,
                                               " and no JSON: ", Excerpt(attempt, answer->body)));
  }

  const PullRequestsOptions options_;
  const ProviderApi& api_;
};

}  // namespace

std::unique_ptr<PullRequests> NewPullRequests(PullRequestsOptions options) {
  return std::make_unique<RestPullRequests>(std::move(options));
}

}  // namespace gitops
