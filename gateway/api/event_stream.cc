#include "gateway/api/event_stream.h"

#include <atomic>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/json/json.h"
#include "common/rpc/error.h"
#include "gateway/front/problem.h"

namespace gitops {
namespace {

using Message = RpcCaller::Message;

// A server looks a few times a second whether the client of a watch is gone.
constexpr absl::Duration kNoticed = absl::Milliseconds(250);
// A client that reads its beginning more slowly has its place taken from it.
constexpr absl::Duration kLongestCatchUp = absl::Minutes(2);

StreamEvent UnavailableEvent(const std::string& source, const absl::Status& status) {
  StreamEvent event;
  event.name = "unavailable";
  Json data = Json::object();
  data["source"] = source;
  data["problem"] = ProblemJson(status);
  event.data = ToText(data);
  return event;
}

absl::Status TooSlow(const std::string& source) {
  return MakeError(Reason::kResourceExhausted,
                   absl::StrCat("events of ", source,
                                " came faster than this client read them, and "
                                "some are no longer kept; connect again with the id of the last "
                                "event in Last-Event-ID"));
}

}  // namespace

EventHub::EventHub(std::vector<EventSource> sources, const SharedWatch::Options& options,
                   int most_catching_up)
    : caller_(options.caller), free_(most_catching_up), clock_(options.clock) {
  if (options.scheduler != nullptr) {
    job_ = options.scheduler->Add(absl::InfiniteFuture(), [this] { return ReleaseDue(); });
  }
  for (EventSource& source : sources) {
    watches_.push_back(std::make_shared<SharedWatch>(std::move(source), options));
  }
}

void EventHub::Close() {
  for (const auto& watch : watches_) watch->Close();
  std::deque<std::function<void()>> waiting;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    waiting.swap(waiting_);
  }
  job_.reset();
}

bool EventHub::Enter(std::function<void()> entered) {
  MutexLock lock(mutex_);
  if (free_ > 0) {
    --free_;
    return true;
  }
  waiting_.push_back(std::move(entered));
  return false;
}

void EventHub::Leave(bool watched) {
  {
    MutexLock lock(mutex_);
    if (closed_) return;
    if (job_ != nullptr) {
      if (watched) {
        leaving_.push_back(clock_->Now() + kNoticed);
      } else {
        leaving_.push_front(clock_->Now());
      }
      return job_->Wake();
    }
  }
  Release();
}

absl::Time EventHub::ReleaseDue() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (leaving_.empty()) return absl::InfiniteFuture();
      if (leaving_.front() > clock_->Now()) return leaving_.front();
      leaving_.pop_front();
    }
    Release();
  }
}

void EventHub::Release() {
  std::function<void()> next;
  {
    MutexLock lock(mutex_);
    if (waiting_.empty()) {
      ++free_;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
  }
  next();
}

EventStream::EventStream(std::shared_ptr<EventHub> hub, RpcCaller::Options call, EventCursor cursor,
                         std::shared_ptr<StreamAnswer> answer)
    : hub_(std::move(hub)),
      call_(std::move(call)),
      answer_(std::move(answer)),
      cursor_(std::move(cursor)) {
  MutexLock lock(mutex_);
  for (const auto& watch : hub_->watches()) sources_.emplace_back().watch = watch;
}

void EventStream::Open() {
  {
    MutexLock lock(mutex_);
    if (ended_) return;
    for (Source& source : sources_) {
      source.client = source.watch->Enter(cursor_[source.watch->source().name],
                                          [self = shared_from_this()] { self->Wake(); });
    }
  }
  Wake();
}

void EventStream::Cancel() {
  int places = 0;
  {
    MutexLock lock(mutex_);
    if (std::exchange(ended_, true)) return;
    for (Source& source : sources_) {
      if (source.client != 0) source.watch->Leave(source.client);
      // A stream ends only after the message that is pending.
      const std::shared_ptr<RpcStream> stream = source.stream;
      const bool waits = std::exchange(source.unsent, false);
      source.pending.reset();
      if (EndOwn(source)) ++places;
      if (stream != nullptr && waits) stream->Next();
    }
  }
  for (int i = 0; i < places; ++i) hub_->Leave();
}

void EventStream::Fail(const absl::Status& why) {
  {
    MutexLock lock(mutex_);
    failure_ = why;
  }
  Wake();
}

bool EventStream::EndOwn(Source& source) {
  if (source.state != State::kCatchingUp) return false;
  ++source.run;
  if (source.stream != nullptr) source.stream->Cancel();
  source.stream = nullptr;
  return true;
}

void EventStream::Wake() {
  {
    MutexLock lock(mutex_);
    if (ended_ || std::exchange(pumping_, true)) return;
  }
  Pump();
}

void EventStream::Pump() {
  while (true) {
    std::shared_ptr<RpcStream> stream;
    std::optional<StreamEvent> event;
    std::optional<absl::Status> failure;
    {
      MutexLock lock(mutex_);
      if (ended_) return;
      if (!failure_.has_value()) event = Take(stream);
      failure = std::exchange(failure_, std::nullopt);
      if (!failure.has_value() && !event.has_value()) {
        pumping_ = false;
        return;
      }
    }
    if (failure.has_value()) {
      answer_->Fail(*failure);
      return Cancel();
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

std::optional<StreamEvent> EventStream::Take(std::shared_ptr<RpcStream>& stream) {
  for (size_t i = 0; i < sources_.size(); ++i) {
    const size_t index = turn_++ % sources_.size();
    Advance(index);
    if (failure_.has_value()) return std::nullopt;
    Source& source = sources_[index];
    if (!source.pending.has_value()) continue;
    std::optional<StreamEvent> event = std::exchange(source.pending, std::nullopt);
    if (event->name == "unavailable") return event;
    if (!event->id.empty()) cursor_[source.watch->source().name] = event->id;
    event->id = EncodeCursor(cursor_);
    if (std::exchange(source.unsent, false)) stream = source.stream;
    return event;
  }
  return std::nullopt;
}

void EventStream::Advance(size_t index) {
  Source& source = sources_[index];
  if (source.pending.has_value()) return;
  if (absl::Status failed = source.watch->Failure(source.client); !failed.ok()) {
    failure_ = std::move(failed);
    return;
  }
  // Its own watch has a message for that place soon.
  if (source.state == State::kCatchingUp) return;
  if (const auto trouble = source.watch->NewTrouble(source.told_trouble)) {
    source.pending = UnavailableEvent(source.watch->source().name, *trouble);
    return;
  }
  if (source.state == State::kJoining) Join(index);
  if (source.state == State::kFollowing && !source.pending.has_value()) ReadNext(source);
}

void EventStream::Join(size_t index) {
  Source& source = sources_[index];
  if (absl::Now() < source.not_before) return source.watch->WakeLater();
  const std::string& token = cursor_[source.watch->source().name];
  const std::optional<SharedWatch::Place> place = source.watch->Join(token);
  if (!place.has_value()) return;
  source.place = *place;
  source.restarted = !token.empty();
  if (place->resumes) {
    source.state = State::kFollowing;
    source.pending = InitialDone(source.watch->source(), token);
    return;
  }
  source.state = State::kQueued;
  const bool entered = hub_->Enter([self = shared_from_this(), index] {
    {
      MutexLock lock(self->mutex_);
      if (!self->ended_) return self->CatchUp(index);
    }
    self->hub_->Leave(/*watched=*/false);
  });
  if (entered) CatchUp(index);
}

void EventStream::ReadNext(Source& source) {
  const SharedWatch::Reading reading = source.watch->Read(source.place.position);
  if (reading.lost) {
    failure_ = TooSlow(source.watch->source().name);
  } else if (reading.event != nullptr) {
    source.pending = *reading.event;
    ++source.place.position;
  }
}

// The shared watch keeps what changes from the place on. This one began after it, so together they
// have everything.
void EventStream::CatchUp(size_t index) {
  Source& source = sources_[index];
  source.state = State::kCatchingUp;
  RpcCaller::Options call = call_;
  call.timeout = kLongestCatchUp;
  const auto self = shared_from_this();
  const int64_t run = ++source.run;
  RpcCaller::Observer observer;
  observer.on_message = [self, index, run](RpcStream& stream, const Message& message) {
    self->OnMessage(index, run, stream, message);
  };
  observer.on_end = [self, index, run](const absl::Status& status) {
    self->OnEnd(index, run, status);
  };
  const EventSource& watched = source.watch->source();
  // Its callbacks wait for the lock.
  source.stream =
      hub_->caller()->Stream(watched.backend, *watched.method,
                             NewMessage(*watched.method->input_type()), call, std::move(observer));
}

void EventStream::OnMessage(size_t index, int64_t run, RpcStream& stream, const Message& message) {
  const std::unique_ptr<Message> told(message.New());
  told->CopyFrom(message);
  bool done = false;
  {
    MutexLock lock(mutex_);
    Source& source = sources_[index];
    if (ended_ || run != source.run) return stream.Next();
    if (std::exchange(source.restarted, false)) {
      const auto* field = told->GetDescriptor()->FindFieldByName("restarted");
      told->GetReflection()->SetBool(told.get(), field, true);
    }
    absl::StatusOr<StreamEvent> event = EventOf(source.watch->source(), *told);
    done = IsInitialDone(message) || !event.ok();
    if (event.ok()) {
      event->id = done ? source.place.token : "";
      source.pending = *std::move(event);
      source.unsent = !done;
    } else {
      failure_ = event.status();
    }
    if (done) {
      EndOwn(source);
      source.state = State::kFollowing;
      stream.Next();
    }
  }
  if (done) hub_->Leave();
  Wake();
}

void EventStream::OnEnd(size_t index, int64_t run, const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    Source& source = sources_[index];
    if (ended_ || run != source.run) return;
    EndOwn(source);
    source.state = State::kJoining;
    source.restarted = false;
    if (IsTransient(status) && !absl::IsDeadlineExceeded(status)) {
      source.not_before = absl::Now() + SharedWatch::kWakeAfter;
      source.watch->WakeLater();
    } else {
      failure_ = status;
    }
  }
  hub_->Leave();
  Wake();
}

}  // namespace gitops
