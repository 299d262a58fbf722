#ifndef GITOPS_SERVICES_PLANNER_TESTING_STALLING_PROXY_H_
#define GITOPS_SERVICES_PLANNER_TESTING_STALLING_PROXY_H_

#include <list>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "common/sync/mutex.h"

namespace gitops {

// A network between a client and a server of this machine that a test can stall and cut. Listens on
// a unix socket of its own, and forwards to `target`, also one.
class StallingProxy {
 public:
  StallingProxy(std::string listen_path, std::string target_path);
  ~StallingProxy();

  std::string address() const { return "unix:" + listen_path_; }
  // Says nothing more to either side, as a host that vanished; connections are still accepted.
  void Stall();
  void Flow();
  // Ends the connections there are.
  void Cut();
  // How many connections there have been.
  int accepted();

 private:
  struct Link {
    int client = -1, server = -1;
  };

  void Serve();
  void Accept() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Close(Link& link);

  const std::string listen_path_, target_path_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  Mutex mutex_;
  bool stalled_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool cut_ ABSL_GUARDED_BY(mutex_) = false;
  int accepted_ ABSL_GUARDED_BY(mutex_) = 0;
  std::list<Link> links_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;

  void Wake();
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_TESTING_STALLING_PROXY_H_
