#ifndef GITOPS_SERVICES_HOOK_DISPATCHER_CALL_HOOK_REQUEST_H_
#define GITOPS_SERVICES_HOOK_DISPATCHER_CALL_HOOK_REQUEST_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/http/client.h"
#include "gitops/v1/types.pb.h"
#include "services/hook_dispatcher/config/hooks_config.h"
#include "services/hook_dispatcher/payload/answer_rules.h"
#include "services/hook_dispatcher/payload/payload.h"

namespace gitops {

// An answer beyond this is an error.
inline constexpr int64_t kMostAnswerBytes = 1 << 20;
// What a deployment's record keeps of a request and of an answer.
inline constexpr int64_t kMostRecordedBytes = 16 << 10;

// What is asked at one point, of one hook after the other.
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

// The request of `hook` for `question`, but for `give_up` and `partial`. INTERNAL: it cannot be
// signed.
absl::StatusOr<HttpRequest> MakeHookRequest(const HookSpec& hook, const HookQuestion& question);

// `text` as a header's value: printable ASCII as it is, other bytes as %XX, so that nobody's name
// can begin a header of its own.
std::string HeaderValue(absl::string_view text);

// 32 hexadecimal digits that nobody had before.
std::string NewIdempotencyKey();

// Reads what the endpoint said: the payload after this hook, or, INVALID_ARGUMENT, why its answer
// cannot be taken. `status`: what Do() said of the exchange; `response`: what came of it.
absl::StatusOr<Payload> JudgeAnswer(const HookSpec& hook, const HookQuestion& question,
                                    const absl::Status& status, const HttpResponse& response);

// Whether another attempt may do better: no connection, a lost one, or 5xx.
bool IsWorthRetrying(const absl::Status& status, const HttpResponse& response);

// `hook "drain" at pre-deploy for web1: status 500, …; the body begins: "oops"`. Printable.
std::string DescribeFailure(const HookSpec& hook, const HookQuestion& question,
                            absl::string_view why, const HttpResponse& response);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_CALL_HOOK_REQUEST_H_
