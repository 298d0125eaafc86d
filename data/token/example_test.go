package token_test

import (
	"context"
	"fmt"

	"muonclip/data/token"
)

func ExampleTrain() {
	corpus := func(yield func([]byte, error) bool) {
		for range 10 {
			if !yield([]byte("the cat and the hat and the bat"), nil) {
				return
			}
		}
	}
	tok, err := token.Train(context.Background(), token.TrainOptions{VocabSize: 290}, corpus)
	if err != nil {
		fmt.Println(err)
		return
	}
	ids := tok.EncodeWithSpecials(nil, "the rat<|im_end|>")
	for _, id := range ids {
		b, _ := tok.Bytes(id)
		fmt.Printf("%q ", b)
	}
	// Output: "the" " " "r" "at" "<|im_end|>"
}
