#include "services/hook_dispatcher/call/hook_request.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/http/hmac.h"
#include "common/plan/vocabulary.h"
#include "common/server/version.h"
#include "common/text/random_hex.h"
#include "common/text/utf8.h"
#include "common/trace/traceparent.h"

namespace gitops {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
constexpr size_t kMostShown = 200;

// The start of untrusted text, on one line, without characters that would move a terminal's cursor.
std::string Excerpt(absl::string_view said) {
  std::string text = ValidUtf8(said.substr(0, kMostShown), kMostShown);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (absl::ascii_isspace(byte)) {
      text[i] = ' ';
    } else if (absl::ascii_iscntrl(byte)) {
      text[i] = '?';
    } else if (byte == 0xc2 && i + 1 < text.size() &&
               static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      text[i] = text[i + 1] = '?';  // U+0080 to U+009F are control characters too
    }
  }
  return text;
}

absl::Status Refuse(absl::string_view why) { return absl::InvalidArgumentError(why); }

absl::Status CheckStatus(int status) {
  if (status == 200) return absl::OkStatus();
  if (status >= 300 && status < 400) return Refuse("a redirect, which is not followed");
  return Refuse("only status 200 continues the deployment");
}

// "ok", "failed" or "skipped".
std::string ResultWord(v1::StepResult result) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::StepResult_Name(result), "STEP_RESULT_"));
}

}  // namespace

absl::StatusOr<HttpRequest> MakeHookRequest(const HookSpec& hook, const HookQuestion& question) {
  HttpRequest request;
  request.method = "POST";
  request.url = hook.url;
  request.body = EncodePayload(question.point, question.payload);
  request.timeout = hook.timeout;
  request.connect_timeout = std::min(hook.timeout, kConnectTimeout);
  // The body of a read-only hook is needed only for the record.
  request.max_body = hook.mode == HookMode::kReadOnly ? kMostRecordedBytes : kMostAnswerBytes;
  request.ca_file = hook.ca_file;
  request.certificate_file = hook.client_cert_file;
  request.key_file = hook.client_key_file;
  request.headers = {
      {"Content-Type", "application/json"},
      {"Accept", "application/json"},
      {"User-Agent", absl::StrCat("gitops-hook-dispatcher/", Version())},
      {"X-Gitops-Hook", HeaderValue(hook.name)},
      {"X-Gitops-Point", question.point},
      {"X-Gitops-Deployment", HeaderValue(question.deployment)},
      {"Idempotency-Key", HeaderValue(absl::StrCat(question.idempotency_key, "/", hook.name))},
      {kTraceparent, question.traceparent},
  };
  if (IsPostPoint(question.point)) {
    request.headers.emplace_back("X-Gitops-Result", ResultWord(question.result));
  }
  if (hook.key.empty()) return request;
  absl::StatusOr<std::string> signature = Sign("sha256", hook.key, request.body);
  if (!signature.ok()) return signature.status();
  request.headers.emplace_back(kSignatureHeader, *std::move(signature));
  return request;
}

std::string HeaderValue(absl::string_view text) {
  std::string value;
  for (const char c : text) {
    if (absl::ascii_isprint(static_cast<unsigned char>(c))) {
      value.push_back(c);
    } else {
      absl::StrAppendFormat(&value, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return value;
}

std::string NewIdempotencyKey() { return RandomHex(32); }

absl::StatusOr<Payload> JudgeAnswer(const HookSpec& hook, const HookQuestion& question,
                                    const absl::Status& status, const HttpResponse& response) {
  const bool too_long = absl::IsResourceExhausted(status) && response.status != 0;
  if (!status.ok() && !too_long) return Refuse(status.message());
  if (absl::Status checked = CheckStatus(response.status); !checked.ok()) return checked;
  if (hook.mode == HookMode::kReadOnly) return question.payload;
  if (!status.ok()) return Refuse(status.message());
  absl::StatusOr<Payload> answer = DecodePayload(question.point, response.body);
  absl::Status fault = answer.status();
  if (fault.ok()) {
    fault = CheckAnswer(question.point, hook.mode, question.payload, question.known_hosts, *answer);
  }
  if (fault.ok()) return answer;
  return Refuse(absl::StrCat("the answer is not valid: ", fault.message()));
}

bool IsWorthRetrying(const absl::Status& status, const HttpResponse& response) {
  if (absl::IsUnavailable(status) || absl::IsAborted(status)) return true;
  const bool answered = status.ok() || absl::IsResourceExhausted(status);
  return answered && response.status >= 500;
}

std::string DescribeFailure(const HookSpec& hook, const HookQuestion& question,
                            absl::string_view why, const HttpResponse& response) {
  const std::string host =
      IsSelectPoint(question.point) ? "" : absl::StrCat(" for ", Excerpt(question.payload[0].host));
  const std::string status =
      response.status == 0 ? "no answer" : absl::StrCat("status ", response.status);
  std::string text =
      absl::StrCat("hook \"", hook.name, "\" at ", question.point, host, ": ", status, ": ", why);
  if (response.status == 0) return text;
  if (response.body.empty()) return absl::StrCat(text, "; the body is empty");
  return absl::StrCat(text, "; the body starts: \"", Excerpt(response.body), "\"");
}

}  // namespace gitops
