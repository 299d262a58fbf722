// The translation of paths, queries and bodies: "METHOD TARGET" on the first line, then the body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "gateway/api/api_table.h"
#include "gateway/api/rpc_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gitops;  // NOLINT: a file of its own
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  const std::string first = text.substr(0, line);
  const size_t space = first.find(' ');
  if (space == std::string::npos) return 0;
  HttpServerRequest http;
  http.method = first.substr(0, space);
  http.target = first.substr(space + 1);
  const size_t question = http.target.find('?');
  http.path = http.target.substr(0, question);
  if (question != std::string::npos) http.query = http.target.substr(question + 1);
  if (line != std::string::npos) http.body = text.substr(line + 1);
  const auto match = ApiTable().Match(http.method, http.path);
  if (!match.ok() || match->route == nullptr) return 0;
  const auto message = ReadRpcRequest(*match, http);
  // What is accepted can be sent and read by the server.
  std::string bytes;
  if (message.ok() &&
      (!(*message)->SerializeToString(&bytes) || !(*message)->ParseFromString(bytes))) {
    std::abort();
  }
  return 0;
}
