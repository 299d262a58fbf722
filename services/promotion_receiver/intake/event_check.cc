#include "services/promotion_receiver/intake/event_check.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/clock/timestamp.h"
#include "common/http/hmac.h"
#include "common/rpc/error.h"
#include "common/text/utf8.h"
#include "services/promotion_receiver/event/event_rules.h"
#include "services/promotion_receiver/event/flux_event.h"
#include "services/promotion_receiver/revision/revision.h"

namespace gitops {
namespace {

using record::v1::Promotion;

std::string Shown(absl::string_view name) {
  constexpr size_t kShown = 100;
  return absl::Utf8SafeCHexEscape(name.substr(0, kShown));
}

// Whether the event is signed. An error ends it.
absl::StatusOr<bool> CheckSignature(const v1::ReceivedEvent& event, const Pipeline& pipeline,
                                    Secrets& secrets, const EventPolicy& policy) {
  const std::string& secret = KeySecretOf(pipeline, event.environment());
  const std::vector<Secret> keys = secrets.Current(pipeline.namespace_, secret, kHmacKey);
  if (keys.empty()) {
    if (absl::Status read = secrets.Readable(pipeline.namespace_, secret, kHmacKey); !read.ok()) {
      return absl::UnavailableError(
          absl::StrCat("the key of the pipeline ", pipeline.Id(), " cannot be read now"));
    }
    if (policy.allow_unsigned) return false;
    return MakeError(
        Reason::kSigningKeyMissing,
        absl::StrCat("the pipeline ", pipeline.Id(),
                     " has no key to check signatures with; give its secret an hmac-key"),
        {{"pipeline", pipeline.Id()}});
  }
  if (absl::Status valid = VerifyAny(keys, event.signature(), event.body()); !valid.ok())
    return valid;
  return true;
}

absl::StatusOr<const Environment*> FindSource(const Pipeline& pipeline, const std::string& name) {
  if (const Environment* const environment = pipeline.Find(name)) return environment;
  return MakeError(
      Reason::kEventEnvironmentUnknown,
      absl::StrCat("app ", pipeline.Id(), " has no environment ", Shown(name), " defined"),
      {{"pipeline", pipeline.Id()}, {"environment", Shown(name)}});
}

absl::Status CheckTarget(const Pipeline& pipeline, const std::string& source) {
  const Environment* const next = pipeline.After(source);
  const ErrorMetadata where = {{"pipeline", pipeline.Id()}, {"environment", source}};
  if (next == nullptr) {
    return MakeError(Reason::kLastEnvironment,
                     absl::StrCat("cannot promote beyond last environment ", source), where);
  }
  if (next->targets.empty()) {
    return MakeError(Reason::kNoTargets,
                     absl::StrCat("environment ", next->name, " has no targets"), where);
  }
  return absl::OkStatus();
}

Promotion NewPromotion(const v1::ReceivedEvent& received, const FluxEvent& event,
                       const Pipeline& pipeline, absl::Time now) {
  Promotion promotion;
  promotion.set_namespace_(pipeline.namespace_);
  promotion.set_pipeline(pipeline.name);
  promotion.set_source_environment(received.environment());
  if (const Environment* const next = pipeline.After(received.environment())) {
    promotion.set_environment(next->name);
  }
  const std::string revision = RevisionOf(event);
  const auto digest = event.metadata.find("oci-digest");
  promotion.set_revision(revision);
  promotion.set_version(
      VersionOfRevision(revision, digest == event.metadata.end() ? "" : digest->second));
  *promotion.mutable_event() = ToRecord(event, received.address());
  promotion.set_event_count(1);
  *promotion.mutable_latest_event_time() = ToTimestamp(event.timestamp);
  for (auto* time : {promotion.mutable_create_time(), promotion.mutable_state_time(),
                     promotion.mutable_last_seen_time()}) {
    *time = ToTimestamp(now);
  }
  promotion.set_state(record::v1::PROMOTION_STATE_OBSERVING);
  return promotion;
}

}  // namespace

absl::StatusOr<const Pipeline*> FindPipeline(const Pipelines& pipelines,
                                             const std::string& namespace_,
                                             const std::string& name) {
  if (const Pipeline* const pipeline = pipelines.Find(namespace_, name)) return pipeline;
  const std::string id = absl::StrCat(Shown(namespace_), "/", Shown(name));
  return MakeError(Reason::kPipelineUnknown, absl::StrCat("there is no pipeline ", id),
                   {{"pipeline", id}});
}

const std::string& KeySecretOf(const Pipeline& pipeline, const std::string& environment) {
  const Environment* const found = pipeline.Find(environment);
  return found == nullptr ? pipeline.key_secret : found->key_secret;
}

absl::Status VerifyAny(const std::vector<Secret>& keys, absl::string_view signature,
                       absl::string_view text) {
  if (signature.empty()) {
    return MakeError(Reason::kSignatureInvalid, "the signature (X-Signature) is missing");
  }
  absl::Status valid = absl::UnauthenticatedError("there is no key");
  for (const Secret& key : keys) {
    absl::Status by_key = VerifySignature(signature, key, text);
    if (!valid.ok()) valid = std::move(by_key);
  }
  return valid.ok() ? valid : MakeError(Reason::kSignatureInvalid, valid.message());
}

absl::StatusOr<Promotion> CheckEvent(const v1::ReceivedEvent& received, const Pipelines& pipelines,
                                     Secrets& secrets, const EventPolicy& policy, absl::Time now) {
  const auto found = FindPipeline(pipelines, received.namespace_(), received.pipeline());
  if (!found.ok()) return found.status();
  const Pipeline& pipeline = **found;
  const absl::StatusOr<bool> is_signed = CheckSignature(received, pipeline, secrets, policy);
  if (!is_signed.ok()) return is_signed.status();
  const absl::StatusOr<FluxEvent> event = ParseFluxEvent(received.body());
  if (!event.ok()) return event.status();
  // An unsigned event proves nothing by its age.
  const absl::Duration max_age = *is_signed ? policy.max_age : absl::InfiniteDuration();
  if (absl::Status age = CheckAge(*event, now, max_age); !age.ok()) return age;
  const auto environment = FindSource(pipeline, received.environment());
  if (!environment.ok()) return environment.status();
  if (absl::Status same = CheckObject(*event, pipeline, **environment); !same.ok()) return same;
  Promotion promotion = NewPromotion(received, *event, pipeline, now);
  const std::string ignored = WhyIgnored(*event, pipeline.success_reasons);
  if (!ignored.empty()) {
    promotion.set_state(record::v1::PROMOTION_STATE_IGNORED);
    promotion.set_message(ValidUtf8(ignored, ignored.size()));
    return promotion;
  }
  if (promotion.revision().empty()) {
    return MakeError(Reason::kEventWithoutRevision,
                     "event has no 'revision' in the metadata field.",
                     {{"pipeline", pipeline.Id()}, {"environment", received.environment()}});
  }
  if (absl::Status target = CheckTarget(pipeline, received.environment()); !target.ok())
    return target;
  return promotion;
}

}  // namespace gitops
