#include "common/rpc/prepare.h"

#include <grpc/support/log.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/handshakes.h"

namespace gitops {
namespace {

// gRPC 1.51 otherwise reads into buffers of at least 8 KiB, and every idle connection keeps one,
// whatever kReadChunkBytes says. Set before main(), when no other thread reads the environment.
[[maybe_unused]] const int kExperimentsSet =
    setenv("GRPC_EXPERIMENTS", "-tcp_read_chunks", /*overwrite=*/0);

// gRPC 1.51 cannot be told to speak nothing older than TLS 1.3, and this list is of TLS 1.2 only:
// with a cipher that no certificate can serve, there is no TLS 1.2. tls_server_test holds it.
[[maybe_unused]] const int kCiphersSet =
    setenv("GRPC_SSL_CIPHER_SUITES", "PSK-AES128-GCM-SHA256", /*overwrite=*/1);

// Keep the message before an abort, and why a handshake failed, which gRPC tells nowhere else:
// "Handshake failed with fatal error SSL_ERROR_SSL: error:0A000086:SSL routines::no shared cipher."
void OnlyFatal(gpr_log_func_args* line) {
  if (std::strncmp(line->message, "Handshake failed", 16) == 0) {
    const absl::string_view message = line->message;
    const size_t reason = message.rfind("::");
    NoteFailedHandshake(reason == absl::string_view::npos ? message : message.substr(reason + 2));
    return;
  }
  constexpr char kAssertion[] = "assertion failed";
  if (std::strncmp(line->message, kAssertion, sizeof(kAssertion) - 1) != 0) return;
  std::fprintf(stderr, "gRPC %s:%d: %s\n", line->file, line->line, line->message);
}

}  // namespace

void PrepareGrpc() {
  static const bool done = [] {
    if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function(OnlyFatal);
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    return true;
  }();
  (void)done;
}

}  // namespace gitops
