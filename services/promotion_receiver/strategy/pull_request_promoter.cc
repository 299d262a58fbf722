#include "services/promotion_receiver/strategy/pull_request_promoter.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/git/refs.h"
#include "common/path/beneath.h"
#include "common/rpc/error.h"
#include "services/promotion_receiver/provider/pull_requests.h"
#include "services/promotion_receiver/strategy/marked_files.h"
#include "services/promotion_receiver/strategy/promotion_git.h"

namespace gitops {
namespace {

using End = PromotionResult::End;

absl::Status Fail(absl::string_view why) { return absl::FailedPreconditionError(why); }

PromotionResult Done(std::string result, std::string message) {
  return {
      .end = End::kDone, .result = std::move(result), .message = std::move(message), .again = {}};
}

// A user that each provider's git accepts with a token as its password.
absl::string_view GitUserOf(Provider provider) {
  switch (provider) {
    case Provider::kGithub:
      return "x-access-token";
    case Provider::kBitbucketServer:
      return "x-token-auth";
    default:
      return "oauth2";
  }
}

// What one promotion needs, once it is known to be possible.
struct Plan {
  Provider provider = Provider::kGithub;
  RepositoryAddress repository;
  std::string secret;                 // "NAMESPACE/NAME"
  std::vector<ProviderLogin> logins;  // tokens, then passwords, newest first; at least one
  std::string authorities;            // PEM; empty: the system's
  PullRequestBranches branches;
  MarkedEnvironment environment;
  PromotedVersion version;
  std::string title;

  UpstreamSpec Upstream(const ProviderLogin& login, const std::string& ca_file) const {
    std::string user = login.username.Reveal();
    if (user.empty()) user = std::string(GitUserOf(provider));
    const Secret& password = login.token.empty() ? login.password : login.token;
    const std::string& url = repository.clone_url;
    const size_t host = url.find("://") + 3;
    return {.url = absl::StrCat(url.substr(0, host), UrlEncoded(user), ":",
                                UrlEncoded(password.Reveal()), "@", url.substr(host)),
            .ca_file = ca_file};
  }
  std::string Message(const std::string& promotion) const {
    return absl::StrCat(title, "\n\n", kPromotionTrailer, ": ", promotion, "\n");
  }
  std::string Description() const {
    return absl::StrCat(
        "Opened by the promotion server, which replaces the commit and the title when "
        "a newer version is promoted. Merge it to deploy the version to ",
        environment.environment, ".");
  }
};

// The value in use while the newest `age` ones are not; empty: there is none.
Secret At(const std::vector<Secret>& values, size_t age) {
  return values.empty() ? Secret() : values[std::min(age, values.size() - 1)];
}

absl::Status FillLogins(const SecretLookup& lookup, const std::string& namespace_,
                        const std::string& secret, Plan& plan) {
  if (secret.empty()) {
    return Fail("the pull-request strategy has no secretRef: name a secret with the key token");
  }
  std::vector<Secret> tokens, usernames, passwords, authorities;
  for (auto [key, values] : {std::pair{"token", &tokens},
                             {"username", &usernames},
                             {"password", &passwords},
                             {"ca.crt", &authorities}}) {
    absl::StatusOr<std::vector<Secret>> found = lookup(namespace_, secret, key);
    if (found.ok()) {
      *values = *std::move(found);
    } else if (!absl::IsNotFound(found.status())) {
      return found.status();
    }
  }
  if (tokens.empty() && (usernames.empty() || passwords.empty())) {
    return Fail(absl::StrCat("the secret ", namespace_, "/", secret,
                             " has neither the key token, nor username and password"));
  }
  for (size_t age = 0; age < tokens.size(); ++age) {
    plan.logins.push_back(
        {.token = tokens[age], .username = At(usernames, age), .password = Secret()});
  }
  if (!usernames.empty() && !passwords.empty()) {
    for (size_t age = 0; age < std::max(usernames.size(), passwords.size()); ++age) {
      plan.logins.push_back(
          {.token = Secret(), .username = At(usernames, age), .password = At(passwords, age)});
    }
  }
  plan.authorities = At(authorities, 0).Reveal();
  return absl::OkStatus();
}

absl::StatusOr<Plan> PlanOf(const PromotionOrder& order, const SecretLookup& lookup) {
  const record::v1::Promotion& promotion = order.promotion;
  const Environment* environment = order.pipeline.Find(promotion.environment());
  const PullRequestStrategy* strategy = nullptr;
  if (environment != nullptr && environment->promotion.strategy.has_value()) {
    strategy = std::get_if<PullRequestStrategy>(&*environment->promotion.strategy);
  }
  if (strategy == nullptr) {
    return Fail(absl::StrCat("pipeline ", order.pipeline.Id(),
                             " has no pull-request strategy for \"", promotion.environment(),
                             "\" any more"));
  }
  Plan plan;
  plan.provider = strategy->provider;
  auto address = AddressOf(strategy->provider, strategy->url);
  if (!address.ok()) return address.status();
  plan.repository = *std::move(address);
  plan.secret = absl::StrCat(promotion.namespace_(), "/", environment->promotion.secret);
  absl::Status logins =
      FillLogins(lookup, promotion.namespace_(), environment->promotion.secret, plan);
  if (!logins.ok()) return logins;
  plan.environment = {promotion.namespace_(), promotion.pipeline(), promotion.environment()};
  plan.branches.branch = absl::StrCat("promotion-", plan.environment.namespace_, "-",
                                      plan.environment.name, "-", plan.environment.environment);
  plan.branches.base = strategy->base_branch;
  for (const std::string& branch : {plan.branches.branch, plan.branches.base}) {
    if (absl::Status status = CheckBranch(branch); !status.ok()) return status;
  }
  plan.version = {.version = promotion.version(), .revision = promotion.revision()};
  const auto& metadata = promotion.event().metadata();
  if (const auto digest = metadata.find("oci-digest"); digest != metadata.end()) {
    plan.version.oci_digest = digest->second;
  }
  plan.title = absl::StrCat("Promote ", order.pipeline.Id(), " in ", promotion.environment(),
                            " to ", promotion.version());
  return plan;
}

// One attempt at one promotion.
class PullRequestAttempt {
 public:
  PullRequestAttempt(const PromotionOrder& order, const Plan& plan, PromotionGit& git,
                     std::unique_ptr<PullRequests> requests)
      : order_(order), plan_(plan), git_(git), requests_(std::move(requests)) {}

  absl::StatusOr<PromotionResult> Run() {
    auto tips = git_.Fetch(plan_.branches.base, plan_.branches.branch);
    if (!tips.ok()) return Explained(tips.status());
    auto marked = EditMarkedFiles(git_, tips->base, plan_.environment, plan_.version);
    if (!marked.ok()) return InRepository(marked.status());
    if (marked->markers == 0) return NoMarker();
    if (marked->changes.empty()) return NothingToChange();
    auto listed = requests_->List(plan_.branches);
    if (!listed.ok()) return listed.status();
    const PullRequest* open = OpenOne(*listed);
    if (!order_.promotion.replayed()) {
      if (const PullRequest* closed = ClosedOne(*listed)) return Rejected(*closed);
    }
    if (absl::Status status = PushCommit(*tips, marked->changes); !status.ok()) {
      return Explained(status);
    }
    return open != nullptr ? Retitle(*open) : OpenNew();
  }

 private:
  static const PullRequest* OpenOne(const std::vector<PullRequest>& all) {
    const auto open = std::find_if(all.begin(), all.end(), [](const PullRequest& request) {
      return request.state == PullRequest::State::kOpen;
    });
    return open == all.end() ? nullptr : &*open;
  }

  // The title says for which version it was. Also while one for another version is open, which a
  // rejected version must not replace.
  const PullRequest* ClosedOne(const std::vector<PullRequest>& all) const {
    const auto newest = std::find_if(all.begin(), all.end(), [&](const PullRequest& request) {
      return request.title == plan_.title;
    });
    const bool closed = newest != all.end() && newest->state == PullRequest::State::kClosed;
    return closed ? &*newest : nullptr;
  }

  PromotionResult Rejected(const PullRequest& closed) const {
    return {
        .end = End::kRejected,
        .result = closed.url,
        .message = absl::StrCat("the pull request ", closed.url,
                                " was closed without being merged; replay the promotion to open "
                                "a new one"),
        .again = {}};
  }

  absl::Status InRepository(const absl::Status& status) const {
    return WithMessage(status, absl::StrCat(plan_.branches.base, " of ", plan_.repository.web, ": ",
                                            status.message()));
  }

  // git's advice is for agents.
  absl::Status Explained(const absl::Status& status) const {
    if (!absl::IsUnauthenticated(status)) return status;
    return absl::UnauthenticatedError(absl::StrCat(
        plan_.repository.clone_url, " refuses the token or password in the secret ", plan_.secret,
        ": it is wrong, expired or revoked, or may not access the repository; put a new one into "
        "the "
        "secret"));
  }

  absl::Status NoMarker() const {
    return Fail(absl::StrCat("no *.yaml or *.yml file in ", plan_.branches.base, " of ",
                             plan_.repository.web, " has a value with the comment # {\"",
                             kMarkerKey, "\": \"", plan_.environment.namespace_, ":",
                             plan_.environment.name, ":", plan_.environment.environment, "\"}"));
  }

  // The version may have been set by hand while a pull request for another one was open.
  PromotionResult NothingToChange() {
    std::string message =
        absl::StrCat(plan_.branches.base, " has version ", plan_.version.version, " already");
    const auto listed = requests_->List(plan_.branches);
    const PullRequest* open = listed.ok() ? OpenOne(*listed) : nullptr;
    if (open != nullptr) {
      absl::StrAppend(&message, "; the pull request ", open->url,
                      " is still open and would set another one");
    }
    return Done(open == nullptr ? "" : open->url, message);
  }

  // Puts the branch on the base's tip with the one commit, unless it is so already: after a crash,
  // or for the same version again.
  absl::Status PushCommit(const PromotionGit::Tips& tips,
                          const std::vector<PromotionGit::Change>& changes) {
    auto tree = git_.WriteTree(tips.base, changes);
    if (!tree.ok()) return tree.status();
    if (tips.branch.has_value() && *tips.branch != tips.base) {
      auto tip = git_.ReadCommit(*tips.branch);
      if (!tip.ok()) return tip.status();
      if (!tip->IsPromotion()) return ForeignTip(*tips.branch, *tip);
      if (tip->tree == *tree && tip->parents == std::vector<std::string>{tips.base}) {
        return absl::OkStatus();
      }
    }
    auto commit = git_.WriteCommit(*tree, tips.base, plan_.Message(order_.promotion.id()),
                                   FromTimestamp(order_.promotion.create_time()));
    if (!commit.ok()) return commit.status();
    return git_.Push(*commit, plan_.branches.branch, tips.branch);
  }

  absl::Status ForeignTip(const std::string& commit, const CommitInfo& tip) const {
    return Fail(
        absl::StrCat("the branch ", plan_.branches.branch, " of ", plan_.repository.web,
                     " has the commit ", commit, " by ", tip.committer,
                     ", which is not of a promotion: merge or delete the branch, then replay "
                     "the promotion"));
  }

  absl::StatusOr<PromotionResult> Retitle(const PullRequest& open) {
    if (open.title != plan_.title) {
      if (absl::Status status = requests_->SetTitle(open, plan_.title); !status.ok()) return status;
    }
    return Done(open.url, absl::StrCat("the pull request is open: ", open.url));
  }

  absl::StatusOr<PromotionResult> OpenNew() {
    auto opened = requests_->Open(plan_.branches, plan_.title, plan_.Description());
    if (opened.ok())
      return Done(opened->url, absl::StrCat("opened the pull request ", opened->url));
    if (!absl::IsFailedPrecondition(opened.status())) return opened.status();
    // There may be one that was not listed yet.
    const auto listed = requests_->List(plan_.branches);
    if (!listed.ok()) return listed.status();
    if (const PullRequest* open = OpenOne(*listed)) return Retitle(*open);
    const bool exists = absl::StrContains(opened.status().message(), "already exists") ||
                        absl::StrContains(opened.status().message(), "Only one pull request");
    return exists ? absl::UnavailableError(opened.status().message()) : opened.status();
  }

  const PromotionOrder& order_;
  const Plan& plan_;
  PromotionGit& git_;
  const std::unique_ptr<PullRequests> requests_;
};

class PullRequestPromoter final : public Promoter {
 public:
  explicit PullRequestPromoter(PullRequestPromoterOptions options) : options_(std::move(options)) {
    // git runs in another directory.
    options_.directory = std::filesystem::absolute(options_.directory).lexically_normal().string();
    // What a crash left behind. An error shows again with the first promotion.
    RemoveTree(options_.directory).IgnoreError();
  }

  absl::StatusOr<PromotionResult> Promote(const PromotionOrder& order) override {
    absl::StatusOr<Plan> plan = PlanOf(order, options_.secret);
    if (!plan.ok()) return plan.status();
    absl::StatusOr<PromotionResult> result = Attempt(order, *plan, plan->logins.front());
    for (size_t age = 1; age < plan->logins.size() && IsRefusedLogin(result.status()); ++age) {
      absl::StatusOr<PromotionResult> older = Attempt(order, *plan, plan->logins[age]);
      if (IsRefusedLogin(older.status())) continue;
      result = std::move(older);
    }
    return result;
  }

 private:
  static bool IsRefusedLogin(const absl::Status& status) {
    return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
  }

  absl::StatusOr<PromotionResult> Attempt(const PromotionOrder& order, const Plan& plan,
                                          const ProviderLogin& login) {
    const std::string directory = absl::StrCat(options_.directory, "/", order.promotion.id());
    if (absl::Status status = RemoveTree(directory); !status.ok()) return status;
    const absl::Cleanup remove = [&] { RemoveTree(directory).IgnoreError(); };
    auto ca_file = WriteAuthorities(directory, plan.authorities);
    if (!ca_file.ok()) return ca_file.status();
    PromotionGit git({.runner = options_.runner, .clock = options_.clock, .on_operation = {}},
                     directory + "/git", plan.Upstream(login, *ca_file), order.give_up);
    auto requests = NewPullRequests({.provider = plan.provider,
                                     .address = plan.repository,
                                     .login = login,
                                     .ca_file = *ca_file,
                                     .http = options_.http,
                                     .clock = options_.clock,
                                     .timeout = options_.timeout,
                                     .give_up = order.give_up});
    return PullRequestAttempt(order, plan, git, std::move(requests)).Run();
  }

  // Returns the path; empty: there are none.
  static absl::StatusOr<std::string> WriteAuthorities(const std::string& directory,
                                                      const std::string& authorities) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error || authorities.empty()) return std::string();  // git reports the directory
    const std::string path = directory + "/ca.crt";
    std::ofstream file(path);
    file << authorities << "\n";
    file.close();
    if (file) return path;
    return absl::UnavailableError(absl::StrCat("cannot write ", path));
  }

  PullRequestPromoterOptions options_;  // not changed after the constructor
};

}  // namespace

std::unique_ptr<Promoter> NewPullRequestPromoter(PullRequestPromoterOptions options) {
  return std::make_unique<PullRequestPromoter>(std::move(options));
}

}  // namespace gitops
