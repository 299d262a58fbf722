#include "common/http/client.h"

#include <curl/curl.h>

#include <algorithm>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/git/url.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

constexpr size_t kMaxHeaderBytes = 64 << 10;
// How often give_up is polled.
constexpr int kLookMilliseconds = 100;
// How long the system's authorities are cached: parsing them takes longer than a request.
constexpr long kAuthoritiesSeconds = 60;
constexpr size_t kMaxIdleHandles = 16;

// An easy handle in its own multi handle: curl_easy_perform cannot be woken.
struct Handle {
  CURL* easy = curl_easy_init();
  CURLM* multi = curl_multi_init();

  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
};

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(c) ||
         absl::string_view("!#$%&'*+-.^_`|~").find(c) != absl::string_view::npos;
}

bool IsToken(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenCharacter);
}

absl::Status CheckHeader(const std::string& name, const std::string& value) {
  const bool clean = std::none_of(value.begin(), value.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\t';
  });
  if (IsToken(name) && clean) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the header \"", IsToken(name) ? name : std::string("?"),
                   "\" has a name that is not a token, or a control character in its value"));
}

absl::Status CheckRequest(const HttpRequest& request) {
  if (!IsToken(request.method)) return absl::InvalidArgumentError("the HTTP method is not a token");
  for (const auto& [name, value] : request.headers) {
    if (absl::Status status = CheckHeader(name, value); !status.ok()) return status;
  }
  const bool may_repeat = request.method == "GET" || request.method == "HEAD";
  if (!may_repeat && (request.max_redirects > 0 || request.reuse_connection)) {
    return absl::InvalidArgumentError("only GET and HEAD follow redirects or reuse a connection");
  }
  return CheckRequestUrl(request.url);
}

bool HasHeader(const HttpRequest& request, absl::string_view name) {
  return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& header) {
    return absl::EqualsIgnoreCase(header.first, name);
  });
}

HeaderList MakeHeaders(const HttpRequest& request) {
  curl_slist* list = nullptr;
  for (const auto& [name, value] : request.headers) {
    // curl drops a header without a value unless it ends with a semicolon.
    const std::string line =
        value.empty() ? absl::StrCat(name, ";") : absl::StrCat(name, ": ", value);
    list = curl_slist_append(list, line.c_str());
  }
  // Headers that curl would add by itself.
  for (const char* name : {"Expect", "Content-Type"}) {
    if (!HasHeader(request, name)) {
      list = curl_slist_append(list, absl::StrCat(name, ":").c_str());
    }
  }
  return HeaderList(list);
}

long Milliseconds(absl::Duration duration) {
  // Zero would mean "no limit".
  return static_cast<long>(
      std::clamp<int64_t>(absl::ToInt64Milliseconds(duration), 1, int64_t{1} << 31));
}

using ParsedUrl = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string UrlPart(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

std::string SchemeAndHost(CURLU* url) {
  return absl::AsciiStrToLower(
      absl::StrCat(UrlPart(url, CURLUPART_SCHEME), "://", UrlPart(url, CURLUPART_HOST)));
}

// One request in progress.
class Exchange {
 public:
  Exchange(const HttpRequest& request, Handle& handle)
      : request_(request), handle_(handle), headers_(MakeHeaders(request)) {}

  absl::StatusOr<HttpResponse> Run() {
    SetUp();
    curl_multi_add_handle(handle_.multi, handle_.easy);
    const absl::Status status = Perform();
    curl_multi_remove_handle(handle_.multi, handle_.easy);
    if (status.ok()) return std::move(response_);
    if (request_.partial != nullptr) *request_.partial = std::move(response_);
    return status;
  }

 private:
  template <typename Value>
  void Set(CURLoption option, Value value) {
    curl_easy_setopt(handle_.easy, option, value);
  }

  void SetUp() {
    curl_easy_reset(handle_.easy);
    Set(CURLOPT_ERRORBUFFER, error_);
    Set(CURLOPT_URL, request_.url.c_str());
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    Set(CURLOPT_HTTPHEADER, headers_.get());
    SetRedirects();
    if (!request_.user.empty() || !request_.password.empty()) {
      Set(CURLOPT_HTTPAUTH, long{CURLAUTH_BASIC});
      Set(CURLOPT_USERNAME, request_.user.c_str());
      Set(CURLOPT_PASSWORD, request_.password.Reveal().c_str());
    }
    Set(CURLOPT_PROXY, "");
    Set(CURLOPT_NETRC, long{CURL_NETRC_IGNORED});
    Set(CURLOPT_FRESH_CONNECT, request_.reuse_connection ? 0L : 1L);
    Set(CURLOPT_FORBID_REUSE, request_.reuse_connection ? 0L : 1L);
    Set(CURLOPT_NOSIGNAL, 1L);
    // Otherwise a name server that does not answer would block the caller beyond its timeout.
    Set(CURLOPT_QUICK_EXIT, 1L);
    Set(CURLOPT_TIMEOUT_MS, Milliseconds(request_.timeout));
    Set(CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(request_.connect_timeout));
    Set(CURLOPT_HEADERFUNCTION, &TakeHeader);
    Set(CURLOPT_HEADERDATA, this);
    Set(CURLOPT_WRITEFUNCTION, &TakeBody);
    Set(CURLOPT_WRITEDATA, this);
    SetMethod();
    SetTls();
  }

  void SetRedirects() {
    Set(CURLOPT_FOLLOWLOCATION, request_.max_redirects > 0 ? 1L : 0L);
    Set(CURLOPT_MAXREDIRS, long{request_.max_redirects});
    const bool https = absl::StartsWithIgnoreCase(request_.url, "https:");
    Set(CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https");
  }

  void SetMethod() {
    if (request_.method == "HEAD") {
      Set(CURLOPT_NOBODY, 1L);
    } else if (request_.method != "GET" || !request_.body.empty()) {
      Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      Set(CURLOPT_POSTFIELDS, request_.body.data());
      Set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    }
  }

  void SetTls() {
    Set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
    Set(CURLOPT_SSL_VERIFYPEER, request_.insecure_ssl ? 0L : 1L);
    Set(CURLOPT_SSL_VERIFYHOST, request_.insecure_ssl ? 0L : 2L);
    Set(CURLOPT_CA_CACHE_TIMEOUT, kAuthoritiesSeconds);
    if (!request_.ca_file.empty()) Set(CURLOPT_CAINFO, request_.ca_file.c_str());
    SetBlob(CURLOPT_CAINFO_BLOB, request_.ca_pem);
    if (!request_.ca_file.empty() || !request_.ca_pem.empty()) {
      // Otherwise the system's authorities would be trusted too.
      Set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    }
    if (!request_.certificate_file.empty()) {
      Set(CURLOPT_SSLCERT, request_.certificate_file.c_str());
    }
    SetBlob(CURLOPT_SSLCERT_BLOB, request_.certificate_pem);
    if (!request_.key_file.empty()) Set(CURLOPT_SSLKEY, request_.key_file.c_str());
    SetBlob(CURLOPT_SSLKEY_BLOB, request_.key_pem);
  }

  // Not copied by curl: the request outlives the exchange.
  void SetBlob(CURLoption option, const Secret& pem) {
    if (pem.empty()) return;
    curl_blob blob{.data = const_cast<char*>(pem.Reveal().data()),
                   .len = pem.Reveal().size(),
                   .flags = CURL_BLOB_NOCOPY};
    Set(option, &blob);
  }

  absl::Status Perform() {
    int running = 1;
    while (running > 0) {
      if (request_.give_up && request_.give_up()) {
        return absl::CancelledError(absl::StrCat(Named(), ": cancelled by the caller"));
      }
      CURLMcode code = curl_multi_perform(handle_.multi, &running);
      if (code == CURLM_OK && running > 0) {
        code = curl_multi_poll(handle_.multi, nullptr, 0, kLookMilliseconds, nullptr);
      }
      if (code != CURLM_OK) {
        return absl::InternalError(absl::StrCat(Named(), ": ", curl_multi_strerror(code)));
      }
    }
    int left = 0;
    const CURLMsg* const message = curl_multi_info_read(handle_.multi, &left);
    absl::Status status = ToStatus(message == nullptr ? CURLE_OUT_OF_MEMORY : message->data.result);
    // curl accepts an answer that ends in its headers.
    if (!status.ok() || headers_whole_) return status;
    return absl::AbortedError(absl::StrCat(
        Named(), ": the server closed the connection before the end of the answer's headers"));
  }

  absl::Status ToStatus(CURLcode code) {
    if (code == CURLE_OK) return absl::OkStatus();
    if (stopped_) return absl::CancelledError(absl::StrCat(Named(), ": cancelled by the caller"));
    const std::string why = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
    const std::string message = absl::StrCat(Named(), ": ", why);
    // curl accepts a header line of up to 100 KB, and reports a longer one as out of memory.
    if (headers_too_long_ || (code == CURLE_OUT_OF_MEMORY && Sent() && !headers_whole_)) {
      return absl::ResourceExhaustedError(absl::StrCat(
          Named(), ": the answer's headers are longer than ", kMaxHeaderBytes, " bytes"));
    }
    if (body_too_long_) {
      return absl::ResourceExhaustedError(absl::StrCat(
          Named(), ": the answer's body is longer than ", request_.max_body, " bytes"));
    }
    if (code == CURLE_TOO_MANY_REDIRECTS) {
      return absl::FailedPreconditionError(
          absl::StrCat(Named(), ": it redirects more than ", request_.max_redirects, " times"));
    }
    if (code == CURLE_UNSUPPORTED_PROTOCOL && response_.status / 100 == 3) {
      return absl::FailedPreconditionError(
          absl::StrCat(Named(), ": it redirects to a scheme that is not followed: ",
                       RedactUrl(response_.headers["location"])));
    }
    if (!Sent()) return absl::UnavailableError(message);
    if (code == CURLE_OPERATION_TIMEDOUT) {
      return absl::DeadlineExceededError(absl::StrCat(Named(), ": no complete answer within ",
                                                      absl::FormatDuration(request_.timeout)));
    }
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY ||
        code == CURLE_BAD_CONTENT_ENCODING) {
      return absl::DataLossError(absl::StrCat(Named(), ": the answer is not HTTP: ", why));
    }
    return absl::AbortedError(message);
  }

  // Whether the connection was made, so that some of the request may have arrived.
  bool Sent() const {
    curl_off_t microseconds = 0;
    curl_easy_getinfo(handle_.easy, CURLINFO_PRETRANSFER_TIME_T, &microseconds);
    return microseconds > 0;
  }

  std::string Named() const { return absl::StrCat(request_.method, " ", RedactUrl(request_.url)); }

  static size_t TakeHeader(char* data, size_t, size_t size, void* self) {
    return static_cast<Exchange*>(self)->AddHeader(absl::string_view(data, size)) ? size : 0;
  }

  bool AddHeader(absl::string_view line) {
    header_bytes_ += line.size();
    headers_too_long_ = header_bytes_ > kMaxHeaderBytes;
    if (headers_too_long_) return false;
    if (absl::StartsWith(line, "HTTP/")) {
      // The previous headers were those of an interim answer.
      response_.headers.clear();
      headers_whole_ = false;
      long status = 0;
      curl_easy_getinfo(handle_.easy, CURLINFO_RESPONSE_CODE, &status);
      response_.status = static_cast<int>(status);
      return true;
    }
    if (line == "\r\n" || line == "\n") headers_whole_ = response_.status >= 200;
    const size_t colon = line.find(':');
    if (colon != absl::string_view::npos) {
      response_.headers[absl::AsciiStrToLower(line.substr(0, colon))] =
          std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
    }
    return true;
  }

  static size_t TakeBody(char* data, size_t, size_t size, void* self) {
    return static_cast<Exchange*>(self)->AddBody(absl::string_view(data, size)) ? size : 0;
  }

  bool AddBody(absl::string_view data) {
    if (request_.receive && response_.status / 100 == 2) {
      stopped_ = !request_.receive(data);
      return !stopped_;
    }
    const size_t room = static_cast<size_t>(request_.max_body) - response_.body.size();
    absl::StrAppend(&response_.body, data.substr(0, room));
    body_too_long_ = data.size() > room || AnnouncedTooLong();
    return !body_too_long_;
  }

  bool AnnouncedTooLong() const {
    curl_off_t length = -1;
    curl_easy_getinfo(handle_.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return length > request_.max_body;
  }

  const HttpRequest& request_;
  Handle& handle_;
  const HeaderList headers_;
  HttpResponse response_;
  size_t header_bytes_ = 0;
  bool headers_too_long_ = false;
  bool headers_whole_ = false;
  bool body_too_long_ = false;
  bool stopped_ = false;
  char error_[CURL_ERROR_SIZE] = {};
};

class CurlClient : public HttpClient {
 public:
  CurlClient() {
    static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)initialized;
  }

  absl::StatusOr<HttpResponse> Do(const HttpRequest& request) override {
    if (absl::Status status = CheckRequest(request); !status.ok()) return status;
    std::unique_ptr<Handle> handle = Take();
    if (handle->easy == nullptr || handle->multi == nullptr) {
      return absl::ResourceExhaustedError("libcurl returned no handle: out of memory");
    }
    absl::StatusOr<HttpResponse> response = Exchange(request, *handle).Run();
    GiveBack(std::move(handle));
    return response;
  }

 private:
  std::unique_ptr<Handle> Take() {
    MutexLock lock(mutex_);
    if (idle_.empty()) return std::make_unique<Handle>();
    std::unique_ptr<Handle> handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }

  void GiveBack(std::unique_ptr<Handle> handle) {
    MutexLock lock(mutex_);
    if (idle_.size() < kMaxIdleHandles) idle_.push_back(std::move(handle));
  }

  Mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::string> RedirectWithinHost(const std::string& url,
                                               const std::string& location) {
  const ParsedUrl parsed(curl_url(), curl_url_cleanup);
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return absl::InvalidArgumentError(absl::StrCat("\"", RedactUrl(url), "\" is not a URL"));
  }
  const std::string from = SchemeAndHost(parsed.get());
  if (curl_url_set(parsed.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK) {
    return absl::InvalidArgumentError("it redirects to something that is not a URL");
  }
  std::string target = UrlPart(parsed.get(), CURLUPART_URL);
  if (SchemeAndHost(parsed.get()) == from) return target;
  return absl::FailedPreconditionError(absl::StrCat(
      "it redirects to another scheme or host, which is not followed: ", RedactUrl(target)));
}

absl::Status CheckRequestUrl(const std::string& url) {
  const ParsedUrl parsed(curl_url(), curl_url_cleanup);
  const CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0);
  const std::string scheme = absl::AsciiStrToLower(url.substr(0, url.find("://")));
  if (code == CURLUE_OK && (scheme == "http" || scheme == "https")) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", RedactUrl(url), "\" is not an http:// or https:// URL",
                   code == CURLUE_OK ? "" : absl::StrCat(": ", curl_url_strerror(code))));
}

std::unique_ptr<HttpClient> NewHttpClient() { return std::make_unique<CurlClient>(); }

}  // namespace gitops
