#ifndef GITOPS_AGENT_REPORT_PLANNER_STREAM_H_
#define GITOPS_AGENT_REPORT_PLANNER_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <optional>

#include "absl/time/time.h"
#include "common/sync/mutex.h"
#include "gitops/v1/report.grpc.pb.h"

namespace gitops {

// One stream to the planner, on gRPC's callback API: a hanging stream uses no thread. Thread-safe.
class PlannerStream final : public grpc::ClientBidiReactor<v1::ReportRequest, v1::ReportResponse> {
 public:
  // Starts with `hello`. `on_event` is called, with only this stream's lock held, when look() may
  // have changed. Releases the channel with the stream.
  static std::unique_ptr<PlannerStream> Open(std::shared_ptr<grpc::Channel> channel,
                                             v1::ReportRequest hello,
                                             std::function<void()> on_event);

  // Cancels, and waits until gRPC has finished the stream, which needs no answer of the planner.
  // Must not run on one of gRPC's threads, including `on_event`: the last channel stops these
  // threads, and waits for them.
  ~PlannerStream() override;

  struct Look {
    bool writing = false;  // the last message has not been written yet
    // Of the planner's answer: the heartbeat interval, and whether it knows TipVerified.
    std::optional<absl::Duration> interval;
    bool takes_tips = false;
    std::optional<grpc::Status> ended;
  };
  Look look() const;

  // Returns false, and sends nothing, if a message has not been written yet, or the stream is
  // ending.
  bool Send(v1::ReportRequest request);
  // Ends the stream from this side; look().ended is set when that is done.
  void Cancel();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  PlannerStream(std::shared_ptr<grpc::Channel> channel, v1::ReportRequest hello,
                std::function<void()> on_event);
  void Tell() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::ReportService::Stub> stub_;
  grpc::ClientContext context_;
  v1::ReportRequest out_;
  v1::ReportResponse in_;

  mutable Mutex mutex_;
  CondVar done_;
  std::function<void()> on_event_ ABSL_GUARDED_BY(mutex_);
  bool open_ ABSL_GUARDED_BY(mutex_) = true;
  Look look_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REPORT_PLANNER_STREAM_H_
