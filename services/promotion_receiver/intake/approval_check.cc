#include "services/promotion_receiver/intake/approval_check.h"

#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "common/config/duration.h"
#include "common/rpc/error.h"
#include "services/promotion_receiver/intake/event_check.h"

namespace gitops {
namespace {

constexpr absl::Duration kMostSkew = absl::Minutes(5);
// As long as a signature may be valid, by the clocks of both sides, and more.
constexpr absl::Duration kKeepUsed = absl::Minutes(15);

absl::Status CheckSignature(const v1::ReceiveApprovalRequest& approval, const Pipeline& pipeline,
                            Secrets& secrets) {
  const std::string& secret = KeySecretOf(pipeline, approval.environment());
  const std::vector<Secret> keys = secrets.Current(pipeline.namespace_, secret, kApprovalKey);
  if (keys.empty()) {
    absl::Status read = secrets.Readable(pipeline.namespace_, secret, kApprovalKey);
    if (!read.ok()) {
      return absl::UnavailableError(
          absl::StrCat("the approval key of the pipeline ", pipeline.Id(), " cannot be read now"));
    }
    return MakeError(Reason::kSigningKeyMissing,
                     absl::StrCat("the pipeline ", pipeline.Id(),
                                  " has no key to check approvals with; give its secret an "
                                  "approval-key"),
                     {{"pipeline", pipeline.Id()}});
  }
  return VerifyAny(keys, approval.signature(),
                   absl::StrCat(approval.method(), "\n", approval.path(), "\n",
                                approval.timestamp(), "\n", approval.body()));
}

// Malformed escapes stay as they are.
std::string Unescaped(absl::string_view path) {
  std::string text;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size() &&
        absl::ascii_isxdigit(static_cast<unsigned char>(path[i + 1])) &&
        absl::ascii_isxdigit(static_cast<unsigned char>(path[i + 2]))) {
      text += absl::HexStringToBytes(path.substr(i + 1, 2));
      i += 2;
    } else {
      text += path[i];
    }
  }
  return text;
}

// What was signed must be what is approved.
absl::Status CheckPath(const v1::ReceiveApprovalRequest& approval) {
  const std::string names = absl::StrCat("/", approval.namespace_(), "/", approval.pipeline(), "/",
                                         approval.environment(), "/", approval.revision());
  if (approval.method() == "POST" && absl::EndsWith(Unescaped(approval.path()), names)) {
    return absl::OkStatus();
  }
  return MakeError(Reason::kSignatureInvalid, "the signature is of another method or path");
}

absl::Status CheckTimestamp(absl::string_view timestamp, absl::Time now) {
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(timestamp, &seconds)) {
    return MakeError(Reason::kSignatureInvalid,
                     "X-Timestamp is missing or is not a number of seconds since 1970");
  }
  const absl::Duration age = now - absl::FromUnixSeconds(seconds);
  if (age <= kMostSkew && age >= -kMostSkew) return absl::OkStatus();
  return MakeError(Reason::kEventStale,
                   absl::StrCat("X-Timestamp is not within ", FormatDurationText(kMostSkew),
                                " of the receiver's time; sign again, or set the clock"));
}

absl::Status CheckTarget(const Pipeline& pipeline, const std::string& environment) {
  if (pipeline.Find(environment) != nullptr) return absl::OkStatus();
  return MakeError(Reason::kEnvironmentUnknown,
                   absl::StrCat("the pipeline ", pipeline.Id(), " has no environment ",
                                absl::Utf8SafeCHexEscape(environment)),
                   {{"pipeline", pipeline.Id()}});
}

// The signature as a part of a key: "sha256-HEX".
std::string NameOf(absl::string_view signature) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(signature), {{"=", "-"}});
}

}  // namespace

absl::StatusOr<std::string> CheckApproval(const v1::ReceiveApprovalRequest& approval,
                                          const Pipelines& pipelines, Secrets& secrets,
                                          PromotionStore& store, absl::Time now) {
  const auto found = FindPipeline(pipelines, approval.namespace_(), approval.pipeline());
  if (!found.ok()) return found.status();
  const Pipeline& pipeline = **found;
  if (absl::Status is = CheckSignature(approval, pipeline, secrets); !is.ok()) return is;
  if (absl::Status same = CheckPath(approval); !same.ok()) return same;
  if (absl::Status in_time = CheckTimestamp(approval.timestamp(), now); !in_time.ok()) {
    return in_time;
  }
  if (absl::Status is = CheckTarget(pipeline, approval.environment()); !is.ok()) return is;
  const absl::Status used = store.UseSignature(NameOf(approval.signature()), now, kKeepUsed);
  if (absl::IsAlreadyExists(used)) {
    return MakeError(Reason::kSignatureReused,
                     "the signature was used before; sign each approval with the time of its own");
  }
  if (!used.ok())
    return absl::UnavailableError("the approval cannot be stored now; try again later");
  return absl::StrCat("approval key of ", pipeline.Id());
}

}  // namespace gitops
