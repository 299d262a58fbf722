#include "gateway/api/shared_watch.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "common/json/json.h"
#include "common/log/log.h"
#include "gateway/api/rpc_event.h"

namespace gitops {
namespace {

using google::protobuf::FieldDescriptor;
using Message = RpcCaller::Message;

const FieldDescriptor* Field(const Message& message, const char* name) {
  return message.GetDescriptor()->FindFieldByName(name);
}

bool Flag(const Message& message, const char* name) {
  return message.GetReflection()->GetBool(message, Field(message, name));
}

std::string TokenOf(const Message& message) {
  return message.GetReflection()->GetString(message, Field(message, "resume_token"));
}

// The member of a watch's message that changed: "host"; empty: none.
std::string ChangedField(const Message& message) {
  std::vector<const FieldDescriptor*> set;
  message.GetReflection()->ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    if (field->message_type() != nullptr) return field->json_name();
  }
  return "";
}

size_t SizeOf(const StreamEvent& event) {
  return sizeof event + event.data.size() + event.name.size() + event.id.size();
}

}  // namespace

bool IsTransient(const absl::Status& status) {
  return status.ok() || absl::IsUnavailable(status) || absl::IsCancelled(status) ||
         absl::IsDeadlineExceeded(status) || absl::IsResourceExhausted(status);
}

bool IsInitialDone(const Message& message) { return Flag(message, "initial_done"); }

absl::StatusOr<StreamEvent> EventOf(const EventSource& source, const Message& message) {
  absl::StatusOr<StreamEvent> event = EventOf(message);
  if (!event.ok()) return event;
  event->name = ChangedField(message);
  if (event->name.empty()) event->name = source.name;
  return event;
}

StreamEvent InitialDone(const EventSource& source, const std::string& token) {
  const std::unique_ptr<Message> message = NewMessage(*source.method->output_type());
  message->GetReflection()->SetBool(message.get(), Field(*message, "initial_done"), true);
  message->GetReflection()->SetString(message.get(), Field(*message, "resume_token"), token);
  return EventOf(source, *message).value_or(StreamEvent());
}

SharedWatch::SharedWatch(EventSource source, const Options& options)
    : source_(std::move(source)), options_(options) {
  job_ = options_.scheduler->Add(absl::InfiniteFuture(), [this] { return Tick(); });
}

void SharedWatch::Close() {
  {
    MutexLock lock(mutex_);
    closed_ = true;
    StopLocked();
  }
  job_.reset();
}

int64_t SharedWatch::Enter(const std::string& token, std::function<void()> wake) {
  MutexLock lock(mutex_);
  clients_[++last_client_].wake = std::move(wake);
  stop_at_ = absl::InfiniteFuture();
  if (!running_ && !closed_) {
    running_ = true;
    token_ = token;
    start_token_ = token;
    OpenLocked();
  }
  return last_client_;
}

void SharedWatch::Leave(int64_t client) {
  MutexLock lock(mutex_);
  clients_.erase(client);
  if (!clients_.empty() || closed_) return;
  stop_at_ = options_.clock->Now() + options_.linger;
  job_->Wake();
}

std::optional<SharedWatch::Place> SharedWatch::Join(const std::string& token) const {
  MutexLock lock(mutex_);
  if (!live_) return std::nullopt;
  Place place;
  if (!token.empty()) {
    for (size_t i = events_.size(); i > 0 && !place.resumes; --i) {
      if (events_[i - 1]->id != token) continue;
      place = {.position = first_ + i, .token = token, .resumes = true};
    }
    if (place.resumes) return place;
    if (token == start_token_) return Place{.position = first_, .token = token, .resumes = true};
  }
  return Place{.position = first_ + events_.size(), .token = token_};
}

SharedWatch::Reading SharedWatch::Read(uint64_t position) const {
  MutexLock lock(mutex_);
  if (position < first_) return {.event = nullptr, .lost = true};
  if (position >= first_ + events_.size()) return {};
  return {.event = events_[position - first_]};
}

std::optional<absl::Status> SharedWatch::NewTrouble(int& told) const {
  MutexLock lock(mutex_);
  if (!trouble_.has_value() || std::exchange(told, trouble_number_) == trouble_number_) {
    return std::nullopt;
  }
  return trouble_;
}

absl::Status SharedWatch::Failure(int64_t client) const {
  MutexLock lock(mutex_);
  const auto found = clients_.find(client);
  return found == clients_.end() ? absl::OkStatus() : found->second.failure;
}

void SharedWatch::WakeLater() {
  MutexLock lock(mutex_);
  if (closed_) return;
  wake_at_ = std::min(wake_at_, options_.clock->Now() + kWakeAfter);
  job_->Wake();
}

void SharedWatch::OpenLocked() {
  open_at_ = absl::InfiniteFuture();
  skipping_ = token_.empty();
  std::unique_ptr<Message> request = NewMessage(*source_.method->input_type());
  request->GetReflection()->SetString(request.get(), Field(*request, "resume_token"), token_);
  RpcCaller::Observer observer;
  observer.on_message = [self = shared_from_this(), run = ++run_](RpcStream& stream,
                                                                  const Message& message) {
    self->OnMessage(run, stream, message);
  };
  observer.on_end = [self = shared_from_this(), run = run_](const absl::Status& status) {
    self->OnEnd(run, status);
  };
  // Its callbacks wait for the lock.
  stream_ = options_.caller->Stream(source_.backend, *source_.method, std::move(request),
                                    options_.call, std::move(observer));
}

void SharedWatch::StopLocked() {
  running_ = false;
  ++run_;
  if (stream_ != nullptr) stream_->Cancel();
  stream_ = nullptr;
  token_.clear();
  trouble_.reset();
  failures_ = 0;
  open_at_ = stop_at_ = absl::InfiniteFuture();
  ForgetLocked();
}

// Clients that still read have lost events.
void SharedWatch::ForgetLocked() {
  live_ = false;
  first_ += events_.size() + 1;
  events_.clear();
  bytes_ = 0;
  start_token_.clear();
}

void SharedWatch::OnMessage(int64_t run, RpcStream& stream, const Message& message) {
  bool news = false;
  {
    MutexLock lock(mutex_);
    if (run == run_) {
      failures_ = 0;
      trouble_.reset();
      news = KeepLocked(message);
    }
  }
  // Clients read while the next message comes.
  stream.Next();
  if (news) WakeAll();
}

bool SharedWatch::KeepLocked(const Message& message) {
  const std::string token = TokenOf(message);
  const bool was_live = live_;
  const uint64_t end = first_ + events_.size();
  const bool tells = !ChangedField(message).empty() || Flag(message, "restarted");
  if (tells && !skipping_) {
    const std::unique_ptr<Message> copy(message.New());
    copy->CopyFrom(message);
    // A client gets its own initial_done when it joins.
    copy->GetReflection()->SetBool(copy.get(), Field(*copy, "initial_done"), false);
    absl::StatusOr<StreamEvent> event = EventOf(source_, *copy);
    if (event.ok()) {
      bytes_ += SizeOf(*event);
      events_.push_back(std::make_shared<const StreamEvent>(*std::move(event)));
    } else {
      LogError("an event cannot be passed on",
               {{"source", source_.name}, {"error", std::string(event.status().message())}});
    }
  }
  if (!token.empty()) token_ = token;
  if (IsInitialDone(message)) {
    if (std::exchange(skipping_, false)) start_token_ = token_;
    live_ = true;
  }
  while (events_.size() > options_.most_events ||
         (bytes_ > options_.most_bytes && events_.size() > 1)) {
    bytes_ -= SizeOf(*events_.front());
    start_token_ = events_.front()->id;
    events_.pop_front();
    ++first_;
  }
  return live_ && (!was_live || first_ + events_.size() > end);
}

void SharedWatch::OnEnd(int64_t run, const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    if (run != run_) return;
    stream_ = nullptr;
    EndLocked(status);
  }
  WakeAll();
}

void SharedWatch::EndLocked(const absl::Status& status) {
  // A token of a server that has begun anew, or that is none: everything is sent once more.
  if (absl::IsInvalidArgument(status) && !token_.empty()) {
    token_.clear();
    ForgetLocked();
    return OpenLocked();
  }
  if (!IsTransient(status)) {
    for (auto& [id, client] : clients_) client.failure = status;
    return StopLocked();
  }
  if (++failures_ == 1) {
    trouble_ = status.ok() ? absl::UnavailableError("the server ended the watch") : status;
    ++trouble_number_;
  }
  open_at_ = options_.clock->Now() + options_.backoff.After(failures_);
  job_->Wake();
}

absl::Time SharedWatch::Tick() {
  bool wake = false;
  absl::Time next;
  {
    MutexLock lock(mutex_);
    const absl::Time now = options_.clock->Now();
    if (stop_at_ <= now && clients_.empty()) StopLocked();
    if (open_at_ <= now && running_) OpenLocked();
    if (wake_at_ <= now) {
      wake_at_ = absl::InfiniteFuture();
      wake = true;
    }
    next = std::min({stop_at_, open_at_, wake_at_});
  }
  if (wake) WakeAll();
  return next;
}

void SharedWatch::WakeAll() {
  std::vector<std::function<void()>> wakes;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, client] : clients_) wakes.push_back(client.wake);
  }
  for (const auto& wake : wakes) wake();
}

}  // namespace gitops
