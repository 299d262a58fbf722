// What is promised of git's webhooks, for any request: the first byte picks the provider, the first
// line is what proves the sender, the rest is the body.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "gateway/git_webhooks/push_event.h"

namespace {

void Expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gitops;  // NOLINT: a file of its own
  if (size == 0) return 0;
  const auto provider = static_cast<GitProvider>(data[0] % 6);
  const absl::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string proof(text.substr(0, text.find('\n')));
  HttpServerRequest request;
  request.method = "POST";
  for (const char* header :
       {"X-Hub-Signature-256", "X-Gitlab-Token", "X-Gitea-Signature", "X-Hub-Signature",
        "Authorization", "X-Signature", "webhook-signature", "webhook-id", "webhook-timestamp"}) {
    request.headers.emplace_back(header, proof);
  }
  request.body = std::string(text.substr(std::min(text.size(), proof.size() + 1)));
  const std::string secret = "a-secret";
  const absl::Status verified =
      VerifyWebhook(provider, request, Secret(secret), absl::FromUnixSeconds(1'767'225'600));
  // Only who sends the secret itself can be right without knowing how to sign.
  std::string decoded;
  const bool basic = absl::StartsWith(proof, "Basic ") &&
                     absl::Base64Unescape(absl::StripPrefix(proof, "Basic "), &decoded);
  const bool right = (provider == GitProvider::kGitlab && proof == secret) ||
                     (provider == GitProvider::kAzureDevops && basic && decoded == secret);
  Expect(verified.ok() == right);
  Expect(verified.ok() || absl::IsUnauthenticated(verified));
  // What the sender wrote may be shown.
  Expect(absl::StrContains(proof, secret) || !absl::StrContains(verified.message(), secret));
  const auto pushes = ReadPushes(provider, request);
  if (!pushes.ok()) {
    Expect(absl::IsInvalidArgument(pushes.status()));
    Expect(pushes.status().message().size() < 1000);
    return 0;
  }
  Expect(std::is_sorted(pushes->begin(), pushes->end()));
  for (const Push& push : *pushes) {
    Expect(!push.branch.empty() && !push.repositories.empty());
    Expect(std::is_sorted(push.repositories.begin(), push.repositories.end()));
    for (const std::string& repository : push.repositories) Expect(!repository.empty());
    // Each name occurs in the body, if no escapes hide it.
    if (request.body.find_first_of("\\%+") == std::string::npos) {
      Expect(request.body.find("refs/heads/" + push.branch) != std::string::npos);
    }
  }
  return 0;
}
