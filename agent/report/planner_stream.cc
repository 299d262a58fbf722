#include "agent/report/planner_stream.h"

#include <chrono>
#include <utility>

namespace gitops {

std::shared_ptr<PlannerStream> PlannerStream::Open(const std::shared_ptr<grpc::Channel>& channel,
                                                   v1::ReportRequest hello,
                                                   std::function<void()> on_event) {
  const std::shared_ptr<PlannerStream> stream(new PlannerStream());
  stream->channel_ = channel;
  stream->stub_ = v1::ReportService::NewStub(channel);
  stream->out_ = std::move(hello);
  {
    MutexLock lock(stream->mutex_);
    stream->on_event_ = std::move(on_event);
    stream->self_ = stream;
    stream->look_.writing = true;
  }
  stream->stub_->async()->Report(&stream->context_, stream.get());
  // Writes begin outside of gRPC's calls; it must not be done with us before the last of them.
  stream->AddHold();
  stream->StartWrite(&stream->out_);
  stream->StartRead(&stream->in_);
  stream->StartCall();
  return stream;
}

PlannerStream::Look PlannerStream::look() const {
  MutexLock lock(mutex_);
  return look_;
}

bool PlannerStream::Send(v1::ReportRequest request) {
  MutexLock lock(mutex_);
  if (!open_ || look_.writing) return false;
  look_.writing = true;
  out_ = std::move(request);
  StartWrite(&out_);
  return true;
}

void PlannerStream::Cancel() { context_.TryCancel(); }

void PlannerStream::Close() {
  {
    MutexLock lock(mutex_);
    on_event_ = nullptr;
  }
  Cancel();
}

bool PlannerStream::AwaitEnd(absl::Duration most) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(most);
  MutexLock lock(mutex_);
  while (!look_.ended.has_value()) {
    if (!done_.WaitUntil(mutex_, deadline)) return look_.ended.has_value();
  }
  return true;
}

void PlannerStream::OnReadDone(bool ok) {
  if (!ok) {
    {
      MutexLock lock(mutex_);
      open_ = false;
    }
    RemoveHold();
    return;
  }
  {
    MutexLock lock(mutex_);
    const auto& interval = in_.heartbeat_interval();
    look_.interval = absl::Seconds(interval.seconds()) + absl::Nanoseconds(interval.nanos());
  }
  StartRead(&in_);
  Tell();
}

void PlannerStream::OnWriteDone(bool) {
  {
    MutexLock lock(mutex_);
    look_.writing = false;
    out_ = v1::ReportRequest();
  }
  Tell();
}

void PlannerStream::OnDone(const grpc::Status& status) {
  std::shared_ptr<PlannerStream> self;  // ends without the lock
  {
    MutexLock lock(mutex_);
    look_.ended = status;
    self = std::move(self_);
    done_.NotifyAll();
  }
  Tell();
}

void PlannerStream::Tell() {
  // Under the lock, so that none comes after Close().
  MutexLock lock(mutex_);
  if (on_event_) on_event_();
}

}  // namespace gitops
