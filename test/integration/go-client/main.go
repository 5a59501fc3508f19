// A client of shop.v1.Shop as anybody would write it in Go, on what protoc-gen-go and protoc-gen-go-grpc make of shop.proto. Calls
// the server at the address in its first argument in each way that there is, and prints what it got as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tenon.test/client/shop"
)

type failed struct {
	Code   string   `json:"code"`
	Reason string   `json:"reason,omitempty"`
	Domain string   `json:"domain,omitempty"`
	Full   *int32   `json:"full,omitempty"`
	Fields []string `json:"fields,omitempty"`
}

type got struct {
	Total   int64    `json:"total"`
	HasNote bool     `json:"hasNote"`
	Full    failed   `json:"full"`
	Invalid failed   `json:"invalid"`
	Counted []int32  `json:"counted"`
	Sum     int32    `json:"sum"`
	Shouted []string `json:"shouted"`
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func failureOf(err error) failed {
	told, isStatus := status.FromError(err)
	if err == nil || !isStatus {
		log.Fatalf("no status: %v", err)
	}
	found := failed{Code: told.Code().String()}
	for _, detail := range told.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			found.Reason, found.Domain = detail.Reason, detail.Domain
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				found.Fields = append(found.Fields, violation.Field)
			}
		case *shop.ShopFullFailure:
			found.Full = &detail.At
		}
	}
	return found
}

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	defer connection.Close()
	client := shop.NewShopClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var found got

	at := &timestamppb.Timestamp{Seconds: 5}
	lines := []*shop.ShopPlaceRequest_Lines{{Sku: "a", Count: 2}, {Sku: "b"}}
	placed, err := client.Place(ctx, &shop.ShopPlaceRequest{At: at, Lines: lines, Tags: map[string]string{"gift": "yes"}})
	must(err)
	found.Total, found.HasNote = placed.Total, placed.Note != nil
	_, err = client.Place(ctx, &shop.ShopPlaceRequest{At: at})
	found.Full = failureOf(err)
	_, err = client.Place(ctx, &shop.ShopPlaceRequest{})
	found.Invalid = failureOf(err)

	counting, err := client.Count(ctx, &shop.ShopCountRequest{To: 3})
	must(err)
	for {
		item, err := counting.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		must(err)
		found.Counted = append(found.Counted, item.N)
	}

	adding, err := client.Sum(ctx)
	must(err)
	for _, count := range []int32{1, 0, 41} {
		must(adding.Send(&shop.ShopSumRequest{Sku: "a", Count: count}))
	}
	added, err := adding.CloseAndRecv()
	must(err)
	found.Sum = added.Count

	shouting, err := client.Shout(ctx)
	must(err)
	for _, text := range []string{"hear", "hear"} {
		must(shouting.Send(&shop.ShopShoutRequest{Text: text}))
		shouted, err := shouting.Recv()
		must(err)
		found.Shouted = append(found.Shouted, shouted.Text)
	}
	must(shouting.CloseSend())
	_, err = shouting.Recv()
	if !errors.Is(err, io.EOF) {
		log.Fatalf("no end: %v", err)
	}
	must(json.NewEncoder(os.Stdout).Encode(found))
}
