#include "gateway/git_webhooks/webhook_routes.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/config/toml.h"
#include "common/http/hmac.h"
#include "common/rpc/error.h"
#include "common/text/utf8.h"
#include "gateway/front/problem.h"
#include "gateway/git_webhooks/push_event.h"
#include "gateway/git_webhooks/push_puller.h"

namespace gitops {
namespace {

// Large pushes list many commits and files.
constexpr size_t kMostBody = 4 << 20;

// The specs whose secret proves the sender.
absl::StatusOr<std::vector<const WebhookSpec*>> ProvenBy(const std::vector<WebhookSpec>& webhooks,
                                                         GitProvider provider,
                                                         const HttpServerRequest& request) {
  std::vector<const WebhookSpec*> proven;
  absl::Status refusal = MakeError(
      Reason::kNotFound, absl::StrCat("the gateway's config has no [[webhooks]] of this provider"));
  for (const WebhookSpec& webhook : webhooks) {
    if (webhook.provider != provider) continue;
    const absl::StatusOr<std::string> text = ReadConfigText(webhook.secret_file);
    if (!text.ok()) {
      refusal = MakeError(Reason::kUnavailable, "the secret of the webhook cannot be read now");
      continue;
    }
    const absl::Status verified =
        VerifyWebhook(provider, request, HmacKeyFromFile(*text), absl::Now());
    if (verified.ok()) proven.push_back(&webhook);
    if (!verified.ok()) refusal = MakeError(Reason::kSignatureInvalid, verified.message());
  }
  if (proven.empty()) return refusal;
  return proven;
}

absl::StatusOr<GitProvider> ProviderOf(const HttpServerRequest& request) {
  const std::string& name = request.parameters.at("provider");
  const std::optional<GitProvider> provider = GitProviderOf(name);
  if (provider.has_value()) return *provider;
  return MakeError(Reason::kNotFound,
                   absl::StrCat("there are no webhooks of \"", ValidUtf8(name, 100), "\", only of ",
                                absl::StrJoin(GitProviderNames(), ", ")));
}

// Without the repositories that the secrets are not for.
std::vector<Push> Covered(std::vector<Push> pushes, const std::vector<const WebhookSpec*>& proven) {
  const auto is_covered = [&](const std::string& key) {
    return std::any_of(proven.begin(), proven.end(),
                       [&](const WebhookSpec* webhook) { return webhook->Covers(key); });
  };
  for (Push& push : pushes) {
    std::erase_if(push.repositories, [&](const std::string& key) { return !is_covered(key); });
  }
  std::erase_if(pushes, [](const Push& push) { return push.repositories.empty(); });
  return pushes;
}

absl::Status Take(const std::vector<WebhookSpec>& webhooks, PushPuller& puller,
                  const HttpServerRequest& request) {
  const absl::StatusOr<GitProvider> provider = ProviderOf(request);
  if (!provider.ok()) return provider.status();
  const auto proven = ProvenBy(webhooks, *provider, request);
  if (!proven.ok()) return proven.status();
  absl::StatusOr<std::vector<Push>> pushes = ReadPushes(*provider, request);
  if (!pushes.ok()) return MakeError(Reason::kEventMalformed, pushes.status().message());
  return puller.Add(Covered(*std::move(pushes), *proven));
}

}  // namespace

std::vector<HttpRoute> GitWebhookRoutes(Front* front, CurrentWebhooks webhooks,
                                        const PlannerClient& planner) {
  const auto puller = std::make_shared<PushPuller>(planner);
  const auto handle = [puller, webhooks = std::move(webhooks)](
                          const GatewayCaller&, std::unique_ptr<HttpExchange> exchange) {
    const std::shared_ptr<const std::vector<WebhookSpec>> now = webhooks();
    const absl::Status taken = Take(*now, *puller, exchange->request());
    exchange->Respond(taken.ok() ? HttpServerResponse{.status = 202} : ProblemOf(taken));
  };
  return {{.method = "POST",
           .path = "/webhooks/git/{provider}",
           .handler = front->Guard(Access::kOpen, handle),
           .in_pool = true,
           .max_body = kMostBody}};
}

}  // namespace gitops
