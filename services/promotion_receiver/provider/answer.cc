#include "services/promotion_receiver/provider/answer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/git/url.h"
#include "common/json/json.h"
#include "common/json/json_text.h"
#include "common/rpc/error.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr size_t kMostShown = 300;
// GitHub: "wait at least one minute" where a secondary limit says nothing else.
constexpr absl::Duration kUnknownLimit = absl::Minutes(1);
constexpr absl::Duration kLongestWait = absl::Hours(1);

std::string Header(const HttpResponse& answer, const std::string& name) {
  const auto found = answer.headers.find(name);
  return found == answer.headers.end() ? "" : found->second;
}

// Retry-After: seconds or a date.
std::optional<absl::Duration> RetryAfter(const HttpResponse& answer, absl::Time now) {
  const std::string text = Header(answer, "retry-after");
  int64_t seconds = 0;
  absl::Time date;
  std::string error;
  if (absl::SimpleAtoi(text, &seconds)) return absl::Seconds(seconds);
  if (absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", text, &date, &error)) return date - now;
  return std::nullopt;
}

// GitHub, and GitLab: the time at which a used-up limit is reset, in seconds since 1970.
std::optional<absl::Duration> LimitReset(const HttpResponse& answer, absl::Time now) {
  const bool used_up = Header(answer, "x-ratelimit-remaining") == "0" ||
                       Header(answer, "ratelimit-remaining") == "0";
  std::string reset = Header(answer, "x-ratelimit-reset");
  if (reset.empty()) reset = Header(answer, "ratelimit-reset");
  int64_t seconds = 0;
  if (!used_up) return std::nullopt;
  if (!absl::SimpleAtoi(reset, &seconds)) return kUnknownLimit;
  return absl::FromUnixSeconds(seconds) - now;
}

// How long to wait because of a rate limit; none: it is not one.
std::optional<absl::Duration> LimitDelay(const HttpResponse& answer, absl::Time now) {
  if (answer.status != 429 && answer.status != 403) return std::nullopt;
  if (const auto delay = RetryAfter(answer, now)) return delay;
  if (const auto delay = LimitReset(answer, now)) return delay;
  const bool says_so = absl::StrContains(absl::AsciiStrToLower(answer.body), "rate limit");
  if (answer.status == 429 || says_so) return kUnknownLimit;
  return std::nullopt;
}

absl::Status WithDelay(absl::Status status, std::optional<absl::Duration> delay) {
  if (!delay.has_value()) return status;
  const absl::Duration wait = std::clamp(*delay, absl::Seconds(1), kLongestWait);
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(
      absl::ToInt64Seconds(absl::Ceil(wait, absl::Seconds(1))));
  SetDetail(retry, status);
  return status;
}

bool LeadsToSignIn(const HttpResponse& answer) {
  const std::string target = absl::AsciiStrToLower(Header(answer, "location"));
  return absl::StrContains(target, "signin") || absl::StrContains(target, "sign_in") ||
         absl::StrContains(target, "login");
}

void Append(const Json& value, std::string& text) {
  if (value.is_null()) return;
  absl::StrAppend(&text, text.empty() ? "" : "; ",
                  value.is_string() ? value.get<std::string>()
                                    : value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// The words of a provider's JSON error.
std::string Message(absl::string_view body) {
  const absl::StatusOr<Json> json = ParseJsonObject(body, {});
  if (!json.ok()) return "";
  std::string text;
  for (const char* member : {"message", "error", "error_description"}) {
    if (json->contains(member)) Append((*json)[member], text);
  }
  const auto errors = json->find("errors");
  if (errors == json->end() || !errors->is_array()) return text;
  for (const Json& error : *errors) {
    if (error.is_object() && error.contains("message")) Append(error["message"], text);
  }
  return text;
}

std::string Said(const Attempt& attempt, const HttpResponse& answer) {
  const std::string message = Message(answer.body);
  if (!message.empty()) return absl::StrCat(": ", Excerpt(attempt, message));
  if (answer.body.empty()) return "";
  return absl::StrCat(IsJsonAnswer(answer) ? ": " : " and no JSON: ",
                      Excerpt(attempt, answer.body));
}

absl::Status Redirected(const Attempt& attempt, const HttpResponse& answer) {
  if (LeadsToSignIn(answer)) {
    return absl::UnauthenticatedError(
        absl::StrCat(attempt.what,
                     ": the server answers with its sign-in page; the token is "
                     "wrong, expired or revoked: put a new one into the secret"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      attempt.what, ": HTTP ", answer.status, ", a redirect to ",
      Excerpt(attempt, RedactUrl(Header(answer, "location"))), ": configure the new URL"));
}

}  // namespace

std::string Excerpt(const Attempt& attempt, absl::string_view said) {
  std::string text = ValidUtf8(said.substr(0, 4 * kMostShown), 4 * kMostShown);
  for (const Secret& secret : attempt.secrets) {
    if (!secret.empty()) text = absl::StrReplaceAll(text, {{secret.Reveal(), "[secret]"}});
  }
  for (char& c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  return ValidUtf8(text, kMostShown);
}

bool IsJsonAnswer(const HttpResponse& answer) {
  const std::string type = absl::AsciiStrToLower(Header(answer, "content-type"));
  return absl::StrContains(type, "json");
}

absl::Status StatusOfAnswer(const Attempt& attempt, const HttpResponse& answer) {
  if (answer.status >= 200 && answer.status < 300) return absl::OkStatus();
  if (answer.status >= 300 && answer.status < 400) return Redirected(attempt, answer);
  const std::string message =
      absl::StrCat(attempt.what, ": HTTP ", answer.status, Said(attempt, answer));
  if (const auto delay = LimitDelay(answer, attempt.now)) {
    return WithDelay(absl::ResourceExhaustedError(message), delay);
  }
  switch (answer.status) {
    case 401:
      return absl::UnauthenticatedError(absl::StrCat(
          message, "; the token is wrong, expired or revoked: put a new one into the secret"));
    case 403:
      return absl::PermissionDeniedError(message);
    case 404:
    case 410:
      return absl::NotFoundError(
          absl::StrCat(message, "; it does not exist, or the token may not see it"));
    case 408:
    case 425:
      return absl::UnavailableError(message);
    default:
      break;
  }
  if (answer.status >= 500) {
    return WithDelay(absl::UnavailableError(message), RetryAfter(answer, attempt.now));
  }
  return absl::FailedPreconditionError(message);
}

absl::Status StatusOfExchange(const Attempt& attempt, const absl::Status& status) {
  absl::StatusCode code = status.code();
  // Lost connections and answers that are no HTTP come from restarts and proxies.
  if (absl::IsAborted(status) || absl::IsDataLoss(status)) code = absl::StatusCode::kUnavailable;
  // An answer that is too large stays so.
  if (absl::IsResourceExhausted(status)) code = absl::StatusCode::kFailedPrecondition;
  return absl::Status(code, absl::StrCat(attempt.what, ": ", status.message()));
}

}  // namespace gitops
