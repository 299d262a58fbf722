#include "gateway/front/issuer_keys.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/config/toml.h"
#include "common/jwt/jwt.h"
#include "common/jwt/strict_json.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr int64_t kMaxAnswer = 1 << 20;

absl::Status Unauthenticated(absl::string_view message) {
  return MakeError(Reason::kUnauthenticated, message);
}

// Keys that come in plain text are anybody's on the way.
bool IsProtected(const std::string& url) {
  return absl::StartsWith(url, "https://") || absl::StartsWith(url, "http://127.0.0.1:") ||
         absl::StartsWith(url, "http://[::1]:") || absl::StartsWith(url, "http://localhost:");
}

}  // namespace

IssuerKeys::IssuerKeys(std::function<std::shared_ptr<const Tokens>()> tokens, Clock* clock,
                       Scheduler* scheduler, HttpClient* http)
    : tokens_(std::move(tokens)),
      clock_(clock),
      http_(http),
      job_(scheduler->Add(clock->Now(), [this] { return Fetch(); })) {}

absl::StatusOr<Token> IssuerKeys::Identify(absl::string_view text) {
  const absl::StatusOr<Jwt> jwt = Jwt::Parse(text);
  if (!jwt.ok()) return Unauthenticated(jwt.status().message());
  const std::shared_ptr<const Tokens> tokens = tokens_();
  const auto issuer =
      std::find_if(tokens->issuers().begin(), tokens->issuers().end(),
                   [&jwt](const Issuer& each) { return each.issuer == jwt->issuer(); });
  if (issuer == tokens->issuers().end()) {
    return Unauthenticated("the JWT is not of an issuer that is known here");
  }
  Keys keys;
  {
    MutexLock lock(mutex_);
    keys = keys_[issuer->issuer];
  }
  if (keys.set == nullptr) return Missing(*issuer, keys);
  const absl::Status valid = jwt->Verify(*keys.set, issuer->audience, clock_->Now());
  if (absl::IsNotFound(valid)) return Missing(*issuer, keys);
  if (!valid.ok()) return Unauthenticated(valid.message());
  const absl::StatusOr<const ClaimRule*> rule = FindRule(*issuer, *jwt);
  if (!rule.ok()) return rule.status();
  Token token;
  token.name = CallerName(*issuer, *jwt);
  token.role = (*rule)->role;
  token.scope = (*rule)->scope;
  token.expires = jwt->expires() + kJwtLeeway;
  return token;
}

absl::Status IssuerKeys::Missing(const Issuer& issuer, const Keys& keys) {
  AskSoon();
  const std::string why =
      keys.fault.ok() ? "they are asked for now" : std::string(keys.fault.message());
  return MakeError(Reason::kUnavailable,
                   absl::StrCat("no key of the issuer \"", issuer.name,
                                "\" for this JWT yet: ", why, "; try again in a few seconds"));
}

void IssuerKeys::AskSoon() {
  MutexLock lock(mutex_);
  job_->WakeAt(std::max(clock_->Now(), last_ + kShortestKeyRefresh));
}

absl::Time IssuerKeys::Fetch() {
  const std::shared_ptr<const Tokens> tokens = tokens_();
  const absl::Time begin = clock_->Now();
  {
    MutexLock lock(mutex_);
    last_ = begin;
  }
  bool failed = false;
  std::map<std::string, Keys> fetched;
  for (const Issuer& issuer : tokens->issuers()) {
    absl::StatusOr<KeySet> set = FetchKeys(issuer);
    Keys& keys = fetched[issuer.issuer];
    if (set.ok()) {
      keys.set = std::make_shared<const KeySet>(*std::move(set));
      continue;
    }
    failed = true;
    keys.fault = set.status();
    LogWarning("cannot get the keys of an issuer of JWTs",
               {{"issuer", issuer.name}, {"error", std::string(set.status().message())}});
  }
  failures_ = failed ? failures_ + 1 : 0;
  MutexLock lock(mutex_);
  for (auto& [url, keys] : fetched) {
    if (keys.set == nullptr) keys.set = keys_[url].set;
  }
  keys_ = std::move(fetched);
  if (tokens->issuers().empty()) return absl::InfiniteFuture();
  return clock_->Now() + (failed ? kIssuerBackoff.After(failures_) : kKeyRefresh);
}

absl::StatusOr<KeySet> IssuerKeys::FetchKeys(const Issuer& issuer) const {
  if (!issuer.jwks_file.empty()) {
    const absl::StatusOr<std::string> text = ReadConfigText(issuer.jwks_file);
    if (!text.ok()) return text.status();
    absl::StatusOr<KeySet> set = KeySet::Parse(*text);
    if (set.ok()) return set;
    return absl::InvalidArgumentError(absl::StrCat(issuer.jwks_file, ": ", set.status().message()));
  }
  const std::string discovery =
      absl::StrCat(absl::StripSuffix(issuer.issuer, "/"), "/.well-known/openid-configuration");
  const absl::StatusOr<std::string> described = Get(issuer, discovery);
  if (!described.ok()) return described.status();
  const absl::StatusOr<nlohmann::json> document = ParseStrictObject(*described);
  if (!document.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(discovery, " answered ", document.status().message()));
  }
  if (!document->contains("issuer") || (*document)["issuer"] != issuer.issuer) {
    return absl::InvalidArgumentError(absl::StrCat(discovery, " is about another issuer"));
  }
  if (!document->contains("jwks_uri") || !(*document)["jwks_uri"].is_string()) {
    return absl::InvalidArgumentError(absl::StrCat(discovery, " has no jwks_uri"));
  }
  const std::string place = (*document)["jwks_uri"];
  const absl::StatusOr<std::string> keys = Get(issuer, place);
  if (!keys.ok()) return keys.status();
  absl::StatusOr<KeySet> set = KeySet::Parse(*keys);
  if (set.ok()) return set;
  return absl::InvalidArgumentError(absl::StrCat(place, ": ", set.status().message()));
}

absl::StatusOr<std::string> IssuerKeys::Get(const Issuer& issuer, const std::string& url) const {
  if (!IsProtected(url)) {
    return absl::FailedPreconditionError(
        absl::StrCat(url, " is neither https nor on this machine; keys must come over https"));
  }
  HttpRequest request;
  request.url = url;
  request.headers = {{"Accept", "application/json"}};
  request.max_body = kMaxAnswer;
  request.ca_file = issuer.ca_file;
  absl::StatusOr<HttpResponse> answer = http_->Do(request);
  if (!answer.ok()) return answer.status();
  if (answer->status == 200) return std::move(answer->body);
  return absl::UnavailableError(absl::StrCat(url, " answered ", answer->status));
}

}  // namespace gitops
