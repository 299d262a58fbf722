#ifndef GITOPS_AGENT_CONTROLLER_SERVICE_WORK_H_
#define GITOPS_AGENT_CONTROLLER_SERVICE_WORK_H_

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "agent/controller/service_controller.h"

namespace gitops {

// The templates of ServiceController, for its own files.

template <typename T>
absl::StatusOr<T> ServiceController::Ask(const Patience& patience, Handler<T> handle) {
  auto reply = std::make_shared<Reply<T>>();
  Post(
      [this, reply, handle = std::move(handle)] {
        if (stopping_) return reply->Give(Ending());
        handle(reply);
      },
      /*command=*/true);
  absl::Status impatience;
  absl::StatusOr<T> answer = reply->Await(options_.clock, patience, &impatience);
  if (impatience.ok()) return answer;
  // What it alone waits for need not go on.
  Post([this, reply] {
    std::erase_if(work_, [&](const auto& work) { return work->caller == reply.get(); });
    if (working_ != nullptr && working_->caller == reply.get()) StopWork();
  });
  return WithMessage(impatience, Named(impatience.message()));
}

template <typename T>
void ServiceController::UseFiles(Pool pool, std::stop_source stop,
                                 std::function<T(std::stop_token)> run,
                                 std::function<void(T&)> then, const void* caller) {
  auto result = std::make_shared<std::optional<T>>();
  auto work = std::make_shared<Work>();
  work->pool = pool;
  work->stop = stop;
  work->caller = caller;
  work->run = [result, run = std::move(run), token = stop.get_token()] {
    result->emplace(run(token));
  };
  work->then = [result, then = std::move(then)] { then(**result); };
  work_.insert(std::find_if(work_.begin(), work_.end(),
                            [&](const auto& other) { return work->urgency() < other->urgency(); }),
               work);
}

// It is repeated when a command stopped it, while the caller waits.
template <typename T>
void ServiceController::ForCaller(Pool pool, std::shared_ptr<Reply<T>> reply,
                                  std::function<absl::StatusOr<T>(std::stop_token)> run) {
  const std::stop_source stop;
  UseFiles<absl::StatusOr<T>>(
      pool, stop, run,
      [this, pool, reply, stop, run](absl::StatusOr<T>& result) {
        if (stopping_) return reply->Give(Ending());
        if (!stop.stop_requested() || !absl::IsCancelled(result.status()) || reply->abandoned()) {
          return reply->Give(std::move(result));
        }
        ForCaller<T>(pool, reply, run);
      },
      reply.get());
}

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_SERVICE_WORK_H_
