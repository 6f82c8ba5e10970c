import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams: SERVERS APPLICATION RECORDS CHANGELOG TOPIC… The counts of the kinds stand in one window an
 * account, in memory; records have their account as key, so nothing is repartitioned. One thread.
 */
public final class Count {
  private static final Duration WINDOW = Duration.ofSeconds(10);
  private static final Duration GRACE = Duration.ofSeconds(60);
  private static final Map<String, Integer> KINDS = Map.of("like", 0, "comment", 1, "share", 2);
  private static final JsonFactory JSON = new JsonFactory();
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private static volatile long begun;
  private static volatile long begunCpu;
  private static volatile long counted;

  private record Event(int kind, long atMs) {}

  private static Event decode(byte[] data) {
    if (begun == 0) {
      begunCpu = SYSTEM.getProcessCpuTime();
      begun = System.nanoTime();
    }
    int kind = -1;
    long atMs = 0;
    try (JsonParser parser = JSON.createParser(data)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        parser.nextToken();
        switch (field) {
          case "kind" -> kind = KINDS.get(parser.getText());
          case "at_ms" -> atMs = parser.getLongValue();
          default -> parser.skipChildren();
        }
      }
    } catch (java.io.IOException error) {
      throw new java.io.UncheckedIOException(error);
    }
    return new Event(kind, atMs);
  }

  private static long[] add(long[] counts, int kind) {
    counts[kind]++;
    counted = counted + 1; // one thread writes it
    return counts;
  }

  private static byte[] pack(long[] counts) {
    ByteBuffer buffer = ByteBuffer.allocate(24);
    buffer.asLongBuffer().put(counts);
    return buffer.array();
  }

  private static long[] unpack(byte[] data) {
    long[] counts = new long[3];
    ByteBuffer.wrap(data).asLongBuffer().get(counts);
    return counts;
  }

  private static StreamsBuilder topology(List<String> topics, boolean changelog) {
    Deserializer<Event> events = (topic, data) -> decode(data);
    Serializer<Event> never = (topic, event) -> new byte[0];
    Serde<long[]> counts =
        Serdes.serdeFrom(
            (topic, value) -> value == null ? null : pack(value),
            (topic, data) -> data == null ? null : unpack(data));
    Materialized<String, long[], org.apache.kafka.streams.state.WindowStore<org.apache.kafka.common.utils.Bytes, byte[]>>
        store =
            Materialized.<String, long[]>as(
                    Stores.inMemoryWindowStore("counts", WINDOW.plus(GRACE), WINDOW, false))
                .withKeySerde(Serdes.String())
                .withValueSerde(counts);
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(
            topics,
            Consumed.with(Serdes.String(), Serdes.serdeFrom(never, events))
                .withTimestampExtractor((record, latest) -> ((Event) record.value()).atMs()))
        .groupByKey(Grouped.with(Serdes.String(), Serdes.serdeFrom(never, events)))
        .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, GRACE))
        .aggregate(
            () -> new long[3],
            (account, event, sums) -> add(sums, event.kind()),
            changelog ? store.withLoggingEnabled(Map.of()) : store.withLoggingDisabled());
    return builder;
  }

  public static void main(String[] arguments) throws Exception {
    long records = Long.parseLong(arguments[2]);
    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("streams").toString());
    settings.put("auto.offset.reset", "earliest");
    settings.put("max.poll.records", 5000);
    settings.put("replication.factor", 1);
    List<String> topics = Arrays.asList(arguments).subList(4, arguments.length);
    StreamsBuilder builder = topology(topics, Boolean.parseBoolean(arguments[3]));
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.start();
    long seen = 0;
    long ended = System.nanoTime();
    long cpu = SYSTEM.getProcessCpuTime();
    // What is dropped as late is never counted: then it ends five seconds after the last that was.
    while (seen < records && (seen == 0 || System.nanoTime() - ended < 5_000_000_000L)) {
      Thread.sleep(5);
      if (counted != seen) {
        seen = counted;
        ended = System.nanoTime();
        cpu = SYSTEM.getProcessCpuTime();
      }
    }
    System.out.printf(
        Locale.ROOT,
        "bench {\"what\":\"round\",\"round\":{\"events\":%d,\"seconds\":%f,\"cpu_seconds\":%f,\"counted\":%d}}%n",
        records,
        (ended - begun) / 1e9,
        (cpu - begunCpu) / 1e9,
        seen);
    System.out.flush();
    streams.close(Duration.ofSeconds(10));
  }
}
