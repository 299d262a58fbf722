#include "services/promotion_receiver/engine/engine.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "services/promotion_receiver/revision/revision.h"

namespace gitops {
namespace {

using record::v1::Promotion;

// Decisions take no longer than a write of the store.
constexpr int kDeciders = 2;

absl::Status NotServing(bool stopping) {
  return stopping ? MakeError(Reason::kServerStopping,
                              "the promotion receiver is stopping; nothing was changed")
                  : MakeError(Reason::kServerStarting,
                              "the promotion receiver has not read its pipelines yet");
}

}  // namespace

Engine::Engine(EngineOptions options) : options_(std::move(options)) {
  shared_.store = options_.store;
  shared_.observer = options_.observer;
  shared_.clock = options_.clock;
  shared_.pace = options_.pace;
  shared_.stopping = &stopping_;
  shared_.pipeline = [this](const EnvironmentName& name) { return PipelineOf(name); };
  shared_.promoter = [this](const Strategy& strategy) {
    if (std::holds_alternative<PullRequestStrategy>(strategy)) return options_.pull_request;
    if (std::holds_alternative<NotificationStrategy>(strategy)) return options_.notification;
    return options_.rollout;
  };
  shared_.ended = [this](const Promotion& promotion) {
    if (options_.on_end) options_.on_end(promotion);
  };
  shared_.depth = [this](int change) {
    const int now = depth_.fetch_add(change) + change;
    if (options_.on_depth) options_.on_depth(now);
  };
  shared_.deciders = NewScheduler(options_.clock, kDeciders);
  shared_.callers = NewScheduler(options_.clock, options_.threads);
  {
    MutexLock lock(listener_->mutex);
    listener_->engine = this;
  }
  options_.observer->OnChange([listener = listener_](const EnvironmentName& changed) {
    MutexLock lock(listener->mutex);
    if (listener->engine == nullptr) return;
    if (EnvironmentQueue* const queue = listener->engine->QueueOf(changed)) queue->Wake();
  });
}

Engine::~Engine() { Stop(); }

void Engine::SetPipelines(std::vector<std::shared_ptr<const Pipeline>> pipelines) {
  std::vector<EnvironmentName> sources;
  {
    MutexLock configuring(shared_.configuring);
    options_.observer->SetPipelines(pipelines);
    MutexLock lock(mutex_);
    started_ = true;
    pipelines_.clear();
    for (const auto& pipeline : pipelines) {
      pipelines_[{pipeline->namespace_, pipeline->name}] = pipeline;
      for (const Environment& environment : pipeline->environments) {
        sources.push_back({pipeline->namespace_, pipeline->name, environment.name});
      }
    }
    for (const auto& [source, queue] : queues_) sources.push_back(source);
  }
  for (const SharedPromotion& promotion : options_.store->Unfinished()) {
    sources.push_back(
        {promotion->namespace_(), promotion->pipeline(), promotion->source_environment()});
  }
  for (const EnvironmentName& source : sources) {
    if (EnvironmentQueue* const queue = QueueOf(source)) queue->Wake();
  }
}

void Engine::Stop() {
  stopping_ = true;
  {
    MutexLock lock(listener_->mutex);
    listener_->engine = nullptr;
  }
  std::vector<EnvironmentQueue*> queues;
  {
    MutexLock lock(mutex_);
    for (const auto& [source, queue] : queues_) queues.push_back(queue.get());
  }
  for (EnvironmentQueue* const queue : queues) queue->Stop();
}

std::shared_ptr<const Pipeline> Engine::PipelineOf(const EnvironmentName& environment) const {
  MutexLock lock(mutex_);
  const auto found = pipelines_.find({environment.namespace_, environment.pipeline});
  return found == pipelines_.end() ? nullptr : found->second;
}

EnvironmentQueue* Engine::QueueOf(const EnvironmentName& source) {
  MutexLock lock(mutex_);
  if (stopping_ || !started_) return nullptr;
  auto& queue = queues_[source];
  if (queue == nullptr) queue = std::make_unique<EnvironmentQueue>(source, &shared_);
  return queue.get();
}

absl::StatusOr<EnvironmentQueue*> Engine::QueueInto(const EnvironmentName& where,
                                                    const std::string& revision) {
  const auto queue_of = [&](const std::string& source) -> absl::StatusOr<EnvironmentQueue*> {
    EnvironmentQueue* const queue = QueueOf({where.namespace_, where.pipeline, source});
    if (queue == nullptr) return NotServing(stopping_);
    return queue;
  };
  // One that waits may have another source than the configuration has now.
  for (const SharedPromotion& promotion : options_.store->Unfinished()) {
    if (promotion->namespace_() == where.namespace_ && promotion->pipeline() == where.pipeline &&
        promotion->environment() == where.environment &&
        RevisionIdentity(promotion->revision()) == RevisionIdentity(revision)) {
      return queue_of(promotion->source_environment());
    }
  }
  const std::string id = absl::StrCat(where.namespace_, "/", where.pipeline);
  const std::shared_ptr<const Pipeline> pipeline = PipelineOf(where);
  if (pipeline == nullptr) {
    return MakeError(Reason::kPipelineUnknown, absl::StrCat("there is no pipeline ", id),
                     {{"pipeline", id}});
  }
  for (const Environment& source : pipeline->environments) {
    const Environment* const next = pipeline->After(source.name);
    if (next != nullptr && next->name == where.environment) return queue_of(source.name);
  }
  if (pipeline->Find(where.environment) != nullptr) {
    return MakeError(Reason::kNothingWaits,
                     absl::StrCat(where.environment, " is the first environment of the pipeline ",
                                  id, ": nothing is promoted into it"),
                     {{"pipeline", id}, {"environment", where.environment}});
  }
  return MakeError(Reason::kEnvironmentUnknown,
                   absl::StrCat("the pipeline ", id, " has no environment ", where.environment),
                   {{"pipeline", id}, {"environment", where.environment}});
}

absl::StatusOr<Promotion> Engine::Approve(const EnvironmentName& where, const std::string& revision,
                                          const Actor& actor, const std::string& reason,
                                          bool force) {
  if (force && reason.empty()) {
    return InvalidField("reason", "is needed to approve before the soak is over (force)");
  }
  const absl::StatusOr<EnvironmentQueue*> queue = QueueInto(where, revision);
  if (!queue.ok()) return queue.status();
  record::v1::Approval approval;
  WriteActor(actor, approval);
  approval.set_reason(reason);
  approval.set_force(force);
  *approval.mutable_time() = ToTimestamp(options_.clock->Now());
  return (*queue)->Approve(where.environment, revision, approval);
}

absl::StatusOr<Promotion> Engine::Reject(const EnvironmentName& where, const std::string& revision,
                                         const Actor& actor, const std::string& reason) {
  const absl::StatusOr<EnvironmentQueue*> queue = QueueInto(where, revision);
  if (!queue.ok()) return queue.status();
  return (*queue)->Reject(where.environment, revision, actor, reason);
}

absl::StatusOr<Promotion> Engine::Replay(const EnvironmentName& where, const std::string& revision,
                                         const Actor& actor, const std::string& reason,
                                         RequestIds::Claim* claim) {
  const absl::StatusOr<EnvironmentQueue*> queue = QueueInto(where, revision);
  if (!queue.ok()) return queue.status();
  return (*queue)->Replay(where.environment, revision, actor, reason, claim);
}

void Engine::Look(const EnvironmentName& source) {
  EnvironmentQueue* const queue = QueueOf(source);
  if (queue == nullptr) return;
  options_.observer->Look(source);
  queue->Look();
}

}  // namespace gitops
