#include "agent/report/planner_stream.h"

#include <utility>

#include "common/clock/timestamp.h"

namespace gitops {

PlannerStream::PlannerStream(std::shared_ptr<grpc::Channel> channel, v1::ReportRequest hello,
                             std::function<void()> on_event)
    : channel_(std::move(channel)),
      stub_(v1::ReportService::NewStub(channel_)),
      out_(std::move(hello)),
      on_event_(std::move(on_event)) {
  MutexLock lock(mutex_);
  look_.writing = true;
}

std::unique_ptr<PlannerStream> PlannerStream::Open(std::shared_ptr<grpc::Channel> channel,
                                                   v1::ReportRequest hello,
                                                   std::function<void()> on_event) {
  std::unique_ptr<PlannerStream> stream(
      new PlannerStream(std::move(channel), std::move(hello), std::move(on_event)));
  stream->stub_->async()->Report(&stream->context_, stream.get());
  // Writes start outside of gRPC's callbacks; gRPC must not finish the stream before the last of
  // them.
  stream->AddHold();
  stream->StartWrite(&stream->out_);
  stream->StartRead(&stream->in_);
  stream->StartCall();
  return stream;
}

PlannerStream::~PlannerStream() {
  {
    MutexLock lock(mutex_);
    on_event_ = nullptr;
  }
  Cancel();
  MutexLock lock(mutex_);
  while (!look_.ended.has_value()) done_.Wait(mutex_);
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
    look_.interval = FromDuration(in_.heartbeat_interval());
    look_.takes_tips = in_.takes_tips();
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
  // Under one lock: the owner destroys this as soon as it sees the end.
  MutexLock lock(mutex_);
  look_.ended = status;
  done_.NotifyAll();
  if (on_event_) on_event_();
}

void PlannerStream::Tell() {
  // Under the lock, so that no call comes once the destructor has started.
  MutexLock lock(mutex_);
  if (on_event_) on_event_();
}

}  // namespace gitops
