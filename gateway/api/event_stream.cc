#include "gateway/api/event_stream.h"

#include <atomic>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/time/clock.h"
#include "gateway/api/rpc_event.h"
#include "gateway/front/problem.h"

namespace gitops {
namespace {

using google::protobuf::FieldDescriptor;

// The member of a watch's message that changed: "host"; empty: none.
std::string ChangedField(const RpcCaller::Message& message) {
  std::vector<const FieldDescriptor*> set;
  message.GetReflection()->ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    if (field->message_type() != nullptr) return field->json_name();
  }
  return "";
}

void SetResumeToken(const std::string& token, RpcCaller::Message& request) {
  const FieldDescriptor* field = request.GetDescriptor()->FindFieldByName("resume_token");
  if (field != nullptr) request.GetReflection()->SetString(&request, field, token);
}

bool IsTransient(const absl::Status& status) {
  return status.ok() || absl::IsUnavailable(status) || absl::IsCancelled(status) ||
         absl::IsDeadlineExceeded(status);
}

StreamEvent UnavailableEvent(const std::string& source, const absl::Status& status) {
  StreamEvent event;
  event.name = "unavailable";
  Json data = Json::object();
  data["source"] = source;
  data["problem"] =
      ProblemJson(status.ok() ? absl::UnavailableError("the server ended the watch") : status);
  event.data = ToText(data);
  return event;
}

}  // namespace

EventStream::EventStream(RpcCaller* caller, RpcCaller::Options call,
                         std::vector<EventSource> sources, EventCursor cursor,
                         std::shared_ptr<StreamAnswer> answer, Backoff backoff)
    : caller_(caller),
      call_(std::move(call)),
      answer_(std::move(answer)),
      backoff_(backoff),
      cursor_(std::move(cursor)) {
  MutexLock lock(mutex_);
  for (EventSource& source : sources) sources_.emplace_back().source = std::move(source);
}

void EventStream::Open() {
  size_t count = 0;
  {
    MutexLock lock(mutex_);
    count = sources_.size();
  }
  for (size_t i = 0; i < count; ++i) OpenSource(i);
}

void EventStream::Cancel() {
  MutexLock lock(mutex_);
  ended_ = true;
  for (Source& source : sources_) {
    if (source.retry != nullptr) source.retry->Cancel();
    if (source.stream == nullptr) continue;
    source.stream->Cancel();
    // A stream ends only after the message that is pending.
    if (std::exchange(source.pending, std::nullopt).has_value()) source.stream->Next();
  }
}

void EventStream::OpenSource(size_t index) {
  MutexLock lock(mutex_);
  if (ended_) return;
  Source& source = sources_[index];
  std::unique_ptr<RpcCaller::Message> request = NewMessage(*source.source.method->input_type());
  SetResumeToken(cursor_[source.source.name], *request);
  RpcCaller::Observer observer;
  const auto self = shared_from_this();
  observer.on_message = [self, index](RpcStream& stream, const RpcCaller::Message& message) {
    self->OnMessage(index, stream, message);
  };
  observer.on_end = [self, index](const absl::Status& status) { self->OnEnd(index, status); };
  // Its callbacks wait for the lock.
  source.stream = caller_->Stream(source.source.backend, *source.source.method, std::move(request),
                                  call_, std::move(observer));
}

void EventStream::OnMessage(size_t index, RpcStream& stream, const RpcCaller::Message& message) {
  absl::StatusOr<StreamEvent> event = EventOf(message);
  {
    MutexLock lock(mutex_);
    if (ended_ || !event.ok()) stream.Next();
    if (ended_) return;
    Source& source = sources_[index];
    if (event.ok()) {
      event->name = ChangedField(message);
      if (event->name.empty()) event->name = source.source.name;
      source.pending = *std::move(event);
      source.failures = 0;
    } else {
      failure_ = event.status();
    }
    if (std::exchange(pumping_, true)) return;
  }
  Pump();
}

void EventStream::OnEnd(size_t index, const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    Source& source = sources_[index];
    source.stream = nullptr;
    if (ended_) return;
    if (!IsTransient(status)) {
      failure_ = status;
    } else {
      if (++source.failures == 1) source.pending = UnavailableEvent(source.source.name, status);
      RetryLater(index);
    }
    if (std::exchange(pumping_, true)) return;
  }
  Pump();
}

void EventStream::RetryLater(size_t index) {
  Source& source = sources_[index];
  source.retry = std::make_unique<grpc::Alarm>();
  source.retry->Set(absl::ToChronoTime(absl::Now() + backoff_.After(source.failures)),
                    [self = shared_from_this(), index](bool due) {
                      if (due) self->OpenSource(index);
                    });
}

void EventStream::Pump() {
  while (true) {
    std::shared_ptr<RpcStream> stream;
    std::optional<StreamEvent> event;
    std::optional<absl::Status> failure;
    {
      MutexLock lock(mutex_);
      failure = std::exchange(failure_, std::nullopt);
      if (!failure.has_value()) event = TakePending(stream);
      if (!failure.has_value() && !event.has_value()) {
        pumping_ = false;
        return;
      }
    }
    if (failure.has_value()) {
      answer_->Fail(*failure);
      return Cancel();  // still pumping, so that nothing more is sent
    }
    // Whichever of this loop and the callback comes second goes on; a callback that always did
    // would nest without bound.
    const auto second = std::make_shared<std::atomic<bool>>(false);
    answer_->Send(*event, [self = shared_from_this(), stream, second] {
      if (stream != nullptr) stream->Next();
      if (second->exchange(true)) self->Pump();
    });
    if (!second->exchange(true)) return;
  }
}

std::optional<StreamEvent> EventStream::TakePending(std::shared_ptr<RpcStream>& stream) {
  for (size_t i = 0; i < sources_.size(); ++i) {
    Source& source = sources_[turn_++ % sources_.size()];
    if (!source.pending.has_value()) continue;
    std::optional<StreamEvent> event = std::exchange(source.pending, std::nullopt);
    const bool is_message = event->name != "unavailable";
    if (!event->id.empty()) cursor_[source.source.name] = event->id;
    if (is_message) {
      event->id = EncodeCursor(cursor_);
      stream = source.stream;
    }
    return event;
  }
  return std::nullopt;
}

}  // namespace gitops
