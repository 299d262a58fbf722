#include "gateway/git_webhooks/push_event.h"

#include <openssl/crypto.h>

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/http/hmac.h"
#include "common/http/router.h"
#include "common/json/json_guard.h"
#include "common/program_config/repository_key.h"

namespace gitops {
namespace {

using nlohmann::json;
using Pointer = json::json_pointer;

constexpr size_t kLongestUrl = 4096;
constexpr size_t kLongestBranch = 1024;
constexpr size_t kMostBranches = 1000;
// Between the clocks of a provider that signs the time and this one.
constexpr absl::Duration kMostSkew = absl::Minutes(5);

absl::Status VerifyEqual(absl::string_view given, absl::string_view right) {
  if (given.size() == right.size() && !right.empty() &&
      CRYPTO_memcmp(given.data(), right.data(), right.size()) == 0) {
    return absl::OkStatus();
  }
  return absl::UnauthenticatedError("the token or password is missing or wrong");
}

absl::Status VerifyBasic(absl::string_view header, absl::string_view right) {
  std::string given;
  if (!absl::ConsumePrefix(&header, "Basic ") || !absl::Base64Unescape(header, &given)) {
    return absl::UnauthenticatedError("the Authorization header is not basic authentication");
  }
  return VerifyEqual(given, right);
}

// GitLab's signing token, by the rules of Standard Webhooks: `webhook-signature` has one or more
// "v1,BASE64", the HMAC-SHA256 of "ID.TIMESTAMP.BODY" with the bytes of the token.
absl::Status VerifyStandardWebhook(const HttpServerRequest& request, const Secret& secret,
                                   absl::Time now) {
  const std::string id = request.Header("webhook-id");
  const std::string timestamp = request.Header("webhook-timestamp");
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(timestamp, &seconds) ||
      absl::AbsDuration(now - absl::FromUnixSeconds(seconds)) > kMostSkew) {
    return absl::UnauthenticatedError("webhook-timestamp is missing, or not of the last 5 minutes");
  }
  std::string key(secret.Reveal());
  if (absl::string_view text = key; absl::ConsumePrefix(&text, "whsec_")) {
    std::string bytes;
    if (!absl::Base64Unescape(text, &bytes)) {
      return absl::UnauthenticatedError("the secret of the webhook is no signing token");
    }
    key = std::move(bytes);
  }
  const std::string content = absl::StrCat(id, ".", timestamp, ".", request.body);
  for (absl::string_view each : absl::StrSplit(request.Header("webhook-signature"), ' ')) {
    std::string signature;
    if (!absl::ConsumePrefix(&each, "v1,") || !absl::Base64Unescape(each, &signature)) continue;
    const std::string given = absl::StrCat("sha256=", absl::BytesToHexString(signature));
    if (VerifySignature(given, Secret(key), content).ok()) return absl::OkStatus();
  }
  return absl::UnauthenticatedError("webhook-signature is malformed or wrong");
}

// GitHub can also send a form with the JSON as `payload`. The Content-Type does not tell: curl
// calls every body a form.
absl::StatusOr<std::string> JsonOf(absl::string_view body) {
  if (!absl::ConsumePrefix(&body, "payload=")) return std::string(body);
  return PercentDecode(absl::StrReplaceAll(body.substr(0, body.find('&')), {{"+", " "}}));
}

std::string TextAt(const json& value, const char* pointer) {
  const Pointer at(pointer);
  if (!value.contains(at) || !value.at(at).is_string()) return "";
  return value.at(at).get<std::string>();
}

// The keys of the repository whose URLs stand at `pointers`.
std::vector<std::string> Repositories(const json& event,
                                      std::initializer_list<const char*> pointers) {
  std::set<std::string> keys;
  for (const char* pointer : pointers) {
    const std::string url = TextAt(event, pointer);
    if (!url.empty() && url.size() <= kLongestUrl) keys.insert(RepositoryKey(url));
  }
  return {keys.begin(), keys.end()};
}

std::vector<std::string> BitbucketRepositories(const json& event) {
  std::set<std::string> keys;
  const Pointer links("/repository/links/clone");
  if (event.contains(links) && event.at(links).is_array()) {
    for (const json& link : event.at(links)) {
      const std::string url = TextAt(link, "/href");
      if (!url.empty() && url.size() <= kLongestUrl) keys.insert(RepositoryKey(url));
    }
  }
  return {keys.begin(), keys.end()};
}

// An element of a provider's list of moved refs, or the event itself.
struct MovedRef {
  std::string ref, hash;
};

std::vector<MovedRef> MovedRefs(const json& event, const char* list, const char* ref,
                                const char* hash) {
  std::vector<MovedRef> moved;
  const Pointer at(list);
  if (!event.contains(at) || !event.at(at).is_array()) return moved;
  for (const json& each : event.at(at)) moved.push_back({TextAt(each, ref), TextAt(each, hash)});
  return moved;
}

bool IsDeletion(absl::string_view hash) {
  return hash.find_first_not_of('0') == absl::string_view::npos;
}

absl::StatusOr<std::vector<Push>> PushesOf(const std::vector<std::string>& repositories,
                                           const std::vector<MovedRef>& moved) {
  std::set<std::string> branches;
  for (const MovedRef& each : moved) {
    absl::string_view branch = each.ref;
    if (!absl::ConsumePrefix(&branch, "refs/heads/") || branch.empty()) continue;
    if (IsDeletion(each.hash) || branch.size() > kLongestBranch) continue;
    if (branches.size() < kMostBranches) branches.emplace(branch);
  }
  std::vector<Push> pushes;
  if (branches.empty()) return pushes;
  if (repositories.empty()) {
    return absl::InvalidArgumentError("the push does not have the URL of its repository");
  }
  for (const std::string& branch : branches) pushes.push_back({repositories, branch});
  return pushes;
}

}  // namespace

absl::Status VerifyWebhook(GitProvider provider, const HttpServerRequest& request,
                           const Secret& secret, absl::Time now) {
  switch (provider) {
    case GitProvider::kGithub:
      return VerifySignature(request.Header("X-Hub-Signature-256"), secret, request.body);
    case GitProvider::kGitlab:
      // A webhook may have both, with different secrets.
      if (absl::Status token = VerifyEqual(request.Header("X-Gitlab-Token"), secret.Reveal());
          token.ok() || request.Header("webhook-signature").empty()) {
        return token;
      }
      return VerifyStandardWebhook(request, secret, now);
    case GitProvider::kGitea:
      return VerifySignature(absl::StrCat("sha256=", request.Header("X-Gitea-Signature")), secret,
                             request.body);
    case GitProvider::kBitbucketServer:
      return VerifySignature(request.Header("X-Hub-Signature"), secret, request.body);
    case GitProvider::kAzureDevops:
      return VerifyBasic(request.Header("Authorization"), secret.Reveal());
    case GitProvider::kGeneric:
      return VerifySignature(request.Header(kSignatureHeader), secret, request.body);
  }
  return absl::UnauthenticatedError("unknown provider");
}

absl::StatusOr<std::vector<Push>> ReadPushes(GitProvider provider,
                                             const HttpServerRequest& request) {
  const absl::StatusOr<std::string> text = JsonOf(request.body);
  if (!text.ok()) return text.status();
  if (absl::Status valid = CheckJson(*text); !valid.ok()) return valid;
  const json event = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const std::vector<MovedRef> whole = {{TextAt(event, "/ref"), TextAt(event, "/after")}};
  switch (provider) {
    case GitProvider::kGithub:
    case GitProvider::kGitea:
      return PushesOf(Repositories(event, {"/repository/clone_url", "/repository/ssh_url",
                                           "/repository/html_url"}),
                      whole);
    case GitProvider::kGitlab:
      return PushesOf(Repositories(event, {"/project/git_http_url", "/project/git_ssh_url",
                                           "/project/web_url"}),
                      whole);
    case GitProvider::kBitbucketServer:
      return PushesOf(BitbucketRepositories(event),
                      MovedRefs(event, "/changes", "/refId", "/toHash"));
    case GitProvider::kAzureDevops:
      return PushesOf(
          Repositories(event, {"/resource/repository/remoteUrl", "/resource/repository/sshUrl"}),
          MovedRefs(event, "/resource/refUpdates", "/name", "/newObjectId"));
    case GitProvider::kGeneric:
      return PushesOf(Repositories(event, {"/repository"}), whole);
  }
  return absl::InvalidArgumentError("unknown provider");
}

}  // namespace gitops
