#ifndef GITOPS_SERVICES_HOOK_DISPATCHER_CALL_HOOK_REQUEST_H_
#define GITOPS_SERVICES_HOOK_DISPATCHER_CALL_HOOK_REQUEST_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/http/client.h"
#include "common/plan/hook_payload.h"
#include "common/program_config/hooks_config.h"
#include "gitops/v1/types.pb.h"
#include "services/hook_dispatcher/payload/answer_rules.h"

namespace gitops {

// A larger answer is an error.
inline constexpr int64_t kMostAnswerBytes = 1 << 20;
// The maximum that a deployment's record keeps of a request, and of an answer.
inline constexpr int64_t kMostRecordedBytes = 16 << 10;

// The call of one point, for all hooks of the chain.
struct HookQuestion {
  std::string point;
  Payload payload;
  HostNames known_hosts;
  std::string deployment;
  v1::StepResult result = v1::STEP_RESULT_OK;  // sent at post points
  std::string idempotency_key;                 // without the hook's name
  std::string traceparent;
  bool ignore_errors = false;
};

// The request of `hook` for `question`, without `give_up` and `partial`. INTERNAL: it cannot be
// signed.
absl::StatusOr<HttpRequest> MakeHookRequest(const HookSpec& hook, const HookQuestion& question);

// `text` as a header value: printable ASCII unchanged, other bytes as %XX, so that a name cannot
// inject a header.
std::string HeaderValue(absl::string_view text);

// 32 random hexadecimal digits.
std::string NewIdempotencyKey();

// Reads the endpoint's answer: the payload after this hook, or INVALID_ARGUMENT with the reason why
// it is not valid. `status` and `response` are the result of HttpClient::Do().
absl::StatusOr<Payload> JudgeAnswer(const HookSpec& hook, const HookQuestion& question,
                                    const absl::Status& status, const HttpResponse& response);

// Whether a retry may help: no connection, a lost connection, or 5xx.
bool IsWorthRetrying(const absl::Status& status, const HttpResponse& response);

// `hook "drain" at pre-deploy for web1: status 500, …; the body starts: "oops"`. Printable.
std::string DescribeFailure(const HookSpec& hook, const HookQuestion& question,
                            absl::string_view why, const HttpResponse& response);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_CALL_HOOK_REQUEST_H_
